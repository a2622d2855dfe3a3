begin;
select plan(7);
select tests.open_desk();
select tests.tick(100.99, 101);
create temporary table before as select * from tests.snapshot('settings', 'price_broadcasts');

select is(tests.tick(99, 99.01, jsonb_build_object('observed_at', trading.engine_now() - interval '1 millisecond'), p_after => '0') ->> 'applied',
  '0',
  'a quote older than the one we have is dropped');
select is(tests.tick(99, 99.01, p_after => '0') ->> 'applied', '0', 'so is one of the same moment');
select is(tests.tick(99, 99.01, p_symbol => 'NOSUCHUSDT') ->> 'applied', '0', 'and one of an unknown symbol');
select set_eq($$ select * from tests.snapshot('settings', 'price_broadcasts') $$, 'table before', 'none of them leaves a trace');

select is(tests.tick(98, 98.01) ->> 'applied', '1', 'the next newer one is stored');
select results_eq($$ select bid::numeric, ask::numeric, version from public.market_prices $$, $$ values (98::numeric, 98.01, 3::bigint) $$,
  'as the price, with the next version');
select is((select count(*) from trading.quotes), 3::bigint, 'and in the short history');

select * from finish();
rollback;
