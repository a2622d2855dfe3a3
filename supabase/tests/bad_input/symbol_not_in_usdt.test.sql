begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.list_symbol('SOLBTC', '{"base_asset": "SOL", "quote_asset": "BTC"}');
select tests.tick(99.99, 100, p_symbol => 'SOLBTC');
select tests.decide('one', 'alpha', p_symbol => 'SOLBTC');
select tests.run_jobs();

select * from tests.is_refused('one', 'quote_asset_not_usdt');

update public.signals set symbol = 'SOLUSDT' where id = tests.signal_id('one');
select tests.tick(99.99, 100);
select tests.decide('one', 'alpha');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later, good decision on the same signal is executed');

select * from finish();
rollback;
