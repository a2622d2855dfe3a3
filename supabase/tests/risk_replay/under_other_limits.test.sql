begin;
select plan(11);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('stranger', 'bob');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 20}');
select tests.enter('good', 'alpha');
select tests.enter('bad', 'alpha', '{"entry": 100, "stopLoss": 101}');
select tests.enter('foreign', 'stranger');
select tests.limit_trader('alpha', '{"max_daily_loss_quote": 1}');
create function pg_temp.check_of(p_signal text) returns uuid language sql as $$
  select id from trading.risk_checks where signal_id = tests.signal_id(p_signal)
$$;

select is_empty($$ select from trading.risk_checks c where trading.replay_risk(c.id)
    <> jsonb_build_object('rules', c.rules, 'passed', c.passed, 'code', c.code, 'message', c.message) $$,
  'every stored verdict is given again, whatever the limits are today');
select is(trading.replay_risk(pg_temp.check_of('good')) -> 'passed', 'true'::jsonb, 'what passed passes');
select is(trading.replay_risk(pg_temp.check_of('good'), '{"max_daily_loss_quote": 5}') ->> 'code', 'daily_loss_at_stops',
  'under a lower limit it would have been denied, by name');
select is(trading.replay_risk(pg_temp.check_of('good'), '{"max_daily_loss_quote": 5.2}') -> 'passed', 'true'::jsonb, 'or not');
select is(trading.replay_risk(pg_temp.check_of('good'), null, '{"max_exposure_quote": 99}') ->> 'code', 'max_exposure_all', 'or by limits of all traders');
select is(trading.replay_risk(pg_temp.check_of('bad'), '{"max_daily_loss_quote": null}') ->> 'code', 'stop_not_below_entry',
  'limits that are taken away do not mend what was wrong otherwise');
select is(trading.replay_risk(pg_temp.check_of('good'), '{"max_position_quote": null, "max_exposure_quote": null, "max_open_positions": null}') ->> 'code',
  'no_risk_limits', 'and without any there is no trading');
select tests.raises('select trading.replay_risk(gen_random_uuid())', 'FB404', 'risk_check_not_found', 'a verdict that is not there is not found');

select results_eq($$ select count(*) filter (where c.passed), count(*) filter (where (r.verdict ->> 'passed')::boolean)
    from trading.risk_checks c cross join lateral trading.replay_risk(c.id, '{"max_daily_loss_quote": 5}') r (verdict)
    where c.checked_at > trading.engine_now() - interval '1 month' $$, $$ values (2::bigint, 0::bigint) $$,
  'a month under other limits is one query');

select tests.act_as_user('ann');
select set_eq('select signal_id, code, limits_version from public.risk_verdicts',
  $$ values (tests.signal_id('good'), null, 2), (tests.signal_id('bad'), 'stop_not_below_entry', 2) $$, 'a user sees the own verdicts and their versions');
select throws_ok('select from trading.risk_checks', '42501', null, 'but cannot name the engine''s table');

select * from finish();
rollback;
