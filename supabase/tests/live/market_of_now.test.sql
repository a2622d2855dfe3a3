begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{"max_slippage_percent": 0.5}');
select tests.go_live('ann');
select tests.decide('one', 'alpha', '{"entry": 100, "stopLoss": 95}');
select tests.tick(90, 93, '{}', 'SOLUSDT', '5 seconds');
select is(tests.next_call(), null, 'an order for an exchange meets the market of now, and not that of its decision');
select is((tests.facts_of('one') ->> 'ask')::numeric, 93::numeric, 'it is judged by it');
select is((select rejection_code from public.signals where id = tests.signal_id('one')), 'stop_not_below_entry', 'whose bid is below this stop');
select tests.decide('two', 'alpha', '{"stopLoss": 85}');
select tests.tick(94, 95, '{}', 'SOLUSDT', '5 seconds');
select is((tests.next_call() #>> '{request,price}')::numeric, 95.47::numeric, 'and priced by it');

select * from finish();
rollback;
