begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('beta');
select tests.go_live('ann');
update public.traders set paper_trade_mode = true where name = 'alpha';
select tests.enter('paper', 'alpha');
update public.traders set entry_order_type = 'limit' where name = 'beta';
select tests.decide('live', 'beta', '{"entry": 79, "stopLoss": 78}');
create temporary table sent as select tests.next_call() as call;
select tests.answer(jsonb_build_object('outcome', 'accepted', 'order', tests.venue_report((select call -> 'request' from sent), 'working')));
select tests.decide('queued', 'alpha');

select is(tests.stop('ann', 'portfolio', trading.portfolio_id(tests.user_id('ann'), 'paper'), 'halt_and_flatten'), 'portfolio', 'one mode of a user is stopped');
select tests.run_jobs();
select is(tests.states(), 'portfolio halted flatten', 'its state carries the stop');
select is(tests.rejection('queued'), 'trading_not_active', 'its queued decision is denied');
select is((tests.position_of('paper')).status, 'closed', 'its positions are closed');
select is(concat_ws(' ', s.settled_at is not null, s.flattened_at is not null, s.close_count), 't t 1', 'and its record says so') from tests.stop_row() s;
select is((tests.order_of('live', 'entry')).state, 'working', 'the other mode''s entry rests on');
select is(tests.stop('ann', 'portfolio', trading.portfolio_id(tests.user_id('bob'), 'paper'), p_request => 'another'), 'FB404 portfolio_not_found', 'nobody stops another''s');
select is(tests.resume('ann', 'portfolio', trading.portfolio_id(tests.user_id('ann'), 'paper')), 'halted active', 'its owner resumes it');

select * from finish();
rollback;
