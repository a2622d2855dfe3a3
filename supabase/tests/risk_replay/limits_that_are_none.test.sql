begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create function pg_temp.replay(p_limits text, p_all text default null) returns text language sql as $$
  select tests.answer_to('owner', format('select trading.replay_risk(c.id, %L, %L) ->> ''passed'' from trading.risk_checks c', p_limits, p_all))
$$;

select is(pg_temp.replay('{"max_daily_loss_quote": 100, "max_exposure_percent": null}'), 'true', 'limits are laid over the verdict''s');
select is(pg_temp.replay('{"max_daily_loss": 0.01}'), 'FB400 limits_unknown', 'a misspelt one is not taken for one that was met');
select is(pg_temp.replay(null, '{"version": 2}'), 'FB400 limits_unknown', 'nor what is a column but no limit');
select is(pg_temp.replay('[]'), 'FB400 limits_invalid', 'what is no object is refused');
select is(pg_temp.replay('null'), 'FB400 limits_invalid', 'a JSON null too');
select is(pg_temp.replay('{"max_exposure_percent": "NaN"}'), 'FB400 limits_invalid', 'what is no number');
select is(pg_temp.replay(null, '{"max_exposure_quote": "a lot"}'), 'FB400 limits_invalid', 'or a word');
select is(pg_temp.replay('{"max_exposure_quote": -5}'), 'FB400 limits_invalid', 'or negative');
select is(pg_temp.replay(null, '{"max_open_positions": "-1"}'), 'FB400 limits_invalid', 'also of all traders');
select tests.act_as_service();
select tests.raises(format($$ select public.set_risk_limits('{"max_exposure_quote": -5}', %L) $$, tests.trader_id('alpha')), 'FB400', 'limits_invalid',
  'as the command that sets limits refuses it');
select tests.act_as_owner();

select * from finish();
rollback;
