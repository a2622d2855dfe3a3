begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('paper', 'alpha');
select tests.act_as_user('ann');
select tests.raises($$ update public.traders set paper_trade_mode = false $$, 'FB409', 'mode_switch_refused',
  'a trader with an open paper position stays on paper');
select public.close_position(id) from public.positions;
select tests.act_as_owner();
select tests.run_jobs();
select tests.act_as_user('ann');
select public.stop_trading('trader', tests.trader_id('alpha'), 'halt', 'enough');
select tests.raises($$ update public.traders set paper_trade_mode = false $$, 'FB409', 'mode_switch_refused',
  'a stopped one too, or its other mode would not be stopped');
select public.resume_trading('trader', tests.trader_id('alpha'), 'again');
select tests.act_as_owner();

select tests.go_live('ann', 1000);
select tests.buy_live('live', 'alpha');
select tests.rest_guard();
select tests.act_as_user('ann');
select tests.raises($$ update public.traders set paper_trade_mode = true $$, 'FB409', 'mode_switch_refused',
  'a trader with an open live position stays live');
select tests.act_as_owner();
select tests.raises($$ delete from auth.users where id = tests.user_id('ann') $$, 'FB409', 'owner_has_open_positions',
  'its owner is not removed');
select tests.raises($$ update public.traders set user_id = null $$, 'FB409', 'owner_has_open_positions',
  'and it is not taken from them');
select lives_ok($$ update public.traders set name = 'renamed', paper_trade_mode = false $$, 'what does not change the mode is let through');
select tests.act_as_user('ann');
select public.stop_trading('trader', tests.trader_id('alpha'), 'halt_and_flatten', 'out of everything');
select results_eq($$ select scope, positions_left from public.stop_progress where ended_at is null $$, $$ values ('trader', 1) $$,
  'so a stop of the trader sees its money');
select tests.act_as_owner();

-- A user whose positions are on paper goes as before.
select tests.hire('beta', 'bob');
select tests.enter('bobs', 'beta');
select lives_ok($$ delete from auth.users where id = tests.user_id('bob') $$, 'an owner of paper positions is removed');
select is((select user_id from public.traders where name = 'beta'), null, 'and the trader stays without one');

select * from finish();
rollback;
