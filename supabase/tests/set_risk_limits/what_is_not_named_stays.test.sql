begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{}', null);
create function pg_temp.set(p_limits jsonb, p_replace boolean default false) returns jsonb language sql as $$
  select jsonb_strip_nulls(public.set_risk_limits(p_limits, tests.trader_id('alpha'), p_replace => p_replace)
    - '{id,user_id,trader_id,created_at,updated_at}'::text[])
$$;

select tests.act_as_user('ann');
select pg_temp.set('{"max_position_quote": 150, "max_daily_loss_quote": 20, "min_position_quote": 5}');
select is(pg_temp.set('{"max_position_quote": 80}'), '{"max_position_quote": "80", "max_daily_loss_quote": "20", "min_position_quote": "5", "version": 2}',
  'lowering one limit leaves the others');
select is(pg_temp.set('{"max_daily_loss_quote": null}'), '{"max_position_quote": "80", "min_position_quote": "5", "version": 3}', 'null takes a limit away');
select is(pg_temp.set('{"min_position_quote": null}'), '{"max_position_quote": "80", "min_position_quote": "10", "version": 4}',
  'but for the least position, which goes back to its default');
select tests.raises($$ select public.set_risk_limits('{"min_position_quote": 90}', tests.trader_id('alpha')) $$, 'FB400', 'limits_invalid',
  'a new limit that contradicts one that stays is refused');
select is(pg_temp.set('{}') - 'version', '{"max_position_quote": "80", "min_position_quote": "10"}', 'nothing named, nothing changed');
select is(pg_temp.set('{"max_exposure_quote": 900}', true), '{"max_exposure_quote": "900", "min_position_quote": "10", "version": 6}',
  'who says so replaces the whole row');

-- Live: a stage that was lowered since ------------------------------------------------------------------------------------
select tests.act_as_owner();
update public.traders set paper_trade_mode = false where id = tests.trader_id('alpha');
insert into trading.rollout_members (user_id, stage) values (tests.user_id('ann'), 'beta');
select tests.act_as_user('ann');
select is(pg_temp.set('{"max_position_quote": 100, "max_exposure_quote": 500, "max_daily_loss_quote": 50}') ->> 'max_exposure_quote', '500', 'within the caps of a stage');
select tests.act_as_owner();
update trading.rollout_members set stage = 'alpha';
select tests.act_as_user('ann');
select is(pg_temp.set('{"max_daily_loss_quote": 10}') - 'version',
  '{"max_position_quote": "50", "max_exposure_quote": "50", "max_daily_loss_quote": "10", "min_position_quote": "10"}',
  'what stays comes down to the caps of the stage that is now');
select tests.raises($$ select public.set_risk_limits('{"max_daily_loss_quote": 21}', tests.trader_id('alpha')) $$, 'FB400', 'limits_past_cap',
  'what is named past them is refused');

select * from finish();
rollback;
