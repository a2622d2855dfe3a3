begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"entry_order_type": "limit", "sizing_value": 600, "paper_trade_balance": 1000}');
select tests.tick(101, 102);
select tests.enter('one', 'alpha');
select is((tests.order_of('one', 'entry')).state, 'working', 'a first entry for 600 of 1,000 rests');
select tests.enter('two', 'alpha');
select is((select rejection_code from public.signals where id = tests.signal_id('two')), 'insufficient_balance',
  'a second one for 600 finds only 400 free, although nothing was paid yet');
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 0);
select tests.enter('three', 'alpha');
select is((tests.order_of('three', 'entry')).state, 'working', 'once the first is over its cash is free again');
select is((select sum(amount)::numeric from trading.reservations where released_at is null), 600::numeric,
  'and reserved for the third alone');

select * from finish();
rollback;
