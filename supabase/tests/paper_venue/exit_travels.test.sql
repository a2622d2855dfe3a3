begin;
select plan(6);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.settings('{"paper_latency_ms": 500}');
select tests.act_as_service();
select public.close_position((tests.position_of('one')).id);
select tests.act_as_owner();

select is(tests.run_jobs(), array['exit submitting'], 'a market sell by hand travels to the venue');
select tests.tick(98, 98.01, '{"depth": {"bids": [["98", "0.4"]], "asks": [["98.01", "5"]]}}', p_after => '400 milliseconds');
select trading.set_clock(trading.engine_now() + interval '200 milliseconds');
select is(tests.run_jobs(), array['sync expired'], 'when it arrives it meets the market of then');
select is((select price::numeric from public.trades where side = 'SELL'), 98::numeric, 'at its price');
select is((tests.position_of('one')).status, 'open', 'what the book did not take is still held');
select is((select state from tests.order_of('one', 'stop_loss')), 'working', 'and protected');
select tests.tick(97, 97.01, p_after => '2 seconds');
select tests.run_jobs();
select trading.set_clock(trading.engine_now() + interval '1 second');
select tests.run_jobs();
select is((tests.position_of('one')).status, 'closed', 'the rest is sold by a later order');

select * from finish();
rollback;
