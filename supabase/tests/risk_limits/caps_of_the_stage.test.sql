begin;
select plan(10);
select tests.open_desk();
select tests.hire('alpha');
select tests.hire('live', 'ann', '{"paper_trade_mode": false}', null);
insert into trading.rollout_members values (tests.user_id('ann'), 'beta');
create temporary table before as select to_jsonb(r) from public.risk_limits r;
grant select on before to public;

select tests.act_as_user('ann');
select tests.raises($$ select public.set_risk_limits('{"max_position_quote": 100.01}', p_mode => 'live') $$, 'FB400', 'limits_past_cap',
  'a live position just past the cap of the stage is refused');
select tests.raises($$ select public.set_risk_limits('{"max_exposure_quote": 501}', p_mode => 'live') $$, 'FB400', 'limits_past_cap', 'so is a live exposure');
select tests.raises($$ select public.set_risk_limits('{"max_daily_loss_quote": 51}', tests.trader_id('live')) $$, 'FB400', 'limits_past_cap',
  'and a daily loss, of a live trader, too');
select set_eq('select to_jsonb(r) from public.risk_limits r', 'table before', 'and nothing was set');
select is(public.set_risk_limits('{"max_position_quote": 100, "max_exposure_quote": 500, "max_daily_loss_quote": 50}', p_mode => 'live') ->> 'max_position_quote',
  '100', 'the cap itself may be set');
select is(jsonb_strip_nulls(public.set_risk_limits('{"max_open_positions": 3}', tests.trader_id('live'))) @>
  '{"max_position_quote": "100", "max_exposure_quote": "500", "max_daily_loss_quote": "50"}', true, 'what a live user leaves out is the cap');
select is(public.set_risk_limits('{"max_position_quote": 9000}', p_mode => 'paper') ->> 'max_position_quote', '9000', 'paper is not capped');
select tests.act_as_owner();

update trading.rollout_stages set max_position_quote = 30 where stage = 'beta';
select is(trading.capped_limits(to_jsonb(r), r.user_id) ->> 'max_position_quote', '30', 'a cap that an operator lowers holds for limits set before')
from public.risk_limits r where r.mode = 'live';
select is(trading.limit_facts(t, 'live') #>> '{limits_all,max_position_quote}', '30', 'and an entry is judged by it')
from public.traders t where t.name = 'live';
select is((trading.rollout_stage(gen_random_uuid())).stage, 'paper_only', 'whoever is in no stage is in the first');

select * from finish();
rollback;
