begin;
select plan(6);
select tests.open_desk();
select tests.list_symbol('ADAUSDT');
select tests.hire('alpha', 'ann', '{"signal_ttl_seconds": 5}');
select tests.decide('lucky', 'alpha', p_symbol => 'ADAUSDT');
select is(tests.run_jobs(), array['enter retry price_missing'], 'an entry without a price waits');
select is((select status from public.signals), 'ready', 'its signal is not refused while it lives');

select tests.tick(99.99, 100, p_symbol => 'ADAUSDT');
select tests.run_jobs();
select is((tests.position_of('lucky')).status, 'open', 'a second later there is a price, and the entry is executed');

select tests.list_symbol('DOTUSDT');
select tests.decide('unlucky', 'alpha', p_symbol => 'DOTUSDT');
select tests.run_jobs();
select trading.set_clock(trading.engine_now() + interval '5 seconds');
select tests.run_jobs();
select is((select status || ' ' || rejection_code from public.signals where id = tests.signal_id('unlucky')), 'rejected price_missing',
  'at the end of its life an entry still without a price is refused');
select is((select count(*) from public.positions), 1::bigint, 'and nothing is bought');
select tests.tick(99.99, 100, p_symbol => 'DOTUSDT');
select tests.decide('unlucky', 'alpha', p_symbol => 'DOTUSDT');
select tests.run_jobs();
select is((tests.position_of('unlucky')).status, 'open', 'a later decision on the same signal is executed');

select * from finish();
rollback;
