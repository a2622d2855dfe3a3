begin;
select plan(3);
select tests.open_desk('{"price_broadcast_ms": 60000}');
create temporary table before as select sent_at from trading.price_broadcasts;
select is((select count(*) from before), 1::bigint, 'a first tick is broadcast');
select tests.tick(100 + n, 101 + n) from generate_series(1, 5) n;
select results_eq('select sent_at from trading.price_broadcasts', 'select sent_at from before',
  'further ticks within the interval are not');
select tests.settings('{"price_broadcast_ms": 0}');
select tests.tick(100, 101);
select cmp_ok((select sent_at from trading.price_broadcasts), '>', (select sent_at from before), 'after it they are again');

select * from finish();
rollback;
