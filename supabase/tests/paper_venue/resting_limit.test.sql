begin;
select plan(8);
select tests.open_desk('{"paper_maker_fee": 0.0002}');
select tests.resting_entry('one', 1);
select tests.resting_entry('witness', 1, '{"entry": 90, "stopLoss": 85}');

select tests.tick(99.9, 100);
select tests.run_jobs();
select is((tests.order_of('one', 'entry')).state, 'working', 'an ask that touches a resting buy does not fill it');
select is(tests.tick(100.5, 101, '{"low": 100}') ->> 'limits', '0', 'nor does a trade at its price');
select is((tests.position_of('one')).status, 'submitting', 'nothing is open yet');

select is(tests.tick(100.5, 101, '{"low": 99.99}') ->> 'limits', '1', 'a trade through it does, even if the quotes have moved on');
select tests.run_jobs();
select results_eq($$ select price::numeric, quantity::numeric, is_maker, fee::numeric from public.trades $$,
  $$ values (100::numeric, 1::numeric, true, 0.0002) $$, 'at its own price, as a maker');
select is((tests.order_of('one', 'entry')).state, 'filled', 'it is filled');
select is((tests.order_of('witness', 'entry')).state, 'working', 'a limit farther away still rests');
select is((select count(*) from trading.jobs where kind = 'sync' and order_id = (tests.order_of('witness', 'entry')).id), 0::bigint,
  'nobody was even asked about it');

select * from finish();
rollback;
