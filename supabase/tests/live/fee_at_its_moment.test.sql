begin;
select plan(5);
select tests.open_desk('{"max_price_age_ms": 10000}');
select tests.list_symbol('BNBUSDT');
create function pg_temp.rate(p_seconds_ago numeric) returns text language sql as $$
  select trading.fills_with_rates(jsonb_build_array(jsonb_build_object('fee', '0.001', 'fee_asset', 'BNB',
    'executed_at', trading.engine_now() - make_interval(secs => p_seconds_ago))), 'USDT') #>> '{0,fee_rate}'
$$;

select is(pg_temp.rate(0), null, 'a fee in an asset without a price has no rate');
select tests.tick(100, 100, p_symbol => 'BNBUSDT');
select tests.tick(600, 600, p_symbol => 'BNBUSDT', p_after => '20 seconds');
select is(pg_temp.rate(1), '600', 'one with a price has that of the moment');
select is(pg_temp.rate(18), '100', 'a fill that is told of later has the price that was seen nearest to it');
select is(pg_temp.rate(31), null, 'but none that was seen at another time');
select trading.set_clock(trading.engine_now() + interval '30 days');
select is(pg_temp.rate(0), null, 'a price of a month ago is none of today');

select * from finish();
rollback;
