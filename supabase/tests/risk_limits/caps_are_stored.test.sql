begin;
select plan(9);
select tests.open_desk();
select tests.hire('first');
insert into trading.rollout_members values (tests.user_id('ann'), 'alpha');
select tests.hire('live', 'ann', '{"paper_trade_mode": false}', null);
select tests.hire('wide', 'ann', '{}', '{"max_position_quote": 100000, "max_open_positions": 3}');
select tests.hire('within', 'ann', '{}', null);
select tests.hire('tall', 'ann', '{}', null);

select tests.act_as_user('ann');
select public.set_risk_limits('{"max_position_quote": 40, "max_exposure_quote": 45, "max_daily_loss_quote": 5}', tests.trader_id('within'));
select public.set_risk_limits('{"max_position_quote": 100, "min_position_quote": 60}', tests.trader_id('tall'));
select is(array(select public.adopt_default_limits(tests.trader_id('live')) ->> n from unnest('{max_position_quote,max_exposure_quote,max_daily_loss_quote}'::text[]) n),
  '{50,50,20}'::text[], 'the defaults of a live trader are not past the caps of the stage');
update public.traders set paper_trade_mode = false where name in ('wide', 'within');
select results_eq($$ select max_position_quote::numeric, max_exposure_quote::numeric, max_daily_loss_quote::numeric, max_open_positions, version from public.risk_limits
  where trader_id = tests.trader_id('wide') $$, $$ values (50::numeric, 50::numeric, 20::numeric, 3, 2) $$, 'a trader that goes live takes no larger limits along');
select is((select version from public.risk_limits where trader_id = tests.trader_id('within')), 1, 'smaller ones stay as they are');
select tests.raises($$ update public.traders set paper_trade_mode = false where name = 'tall' $$, 'FB400', 'limits_invalid',
  'a smallest position above the cap stays on paper');
update public.traders set paper_trade_mode = true where name = 'wide';
select is((select version from public.risk_limits where trader_id = tests.trader_id('wide')), 2, 'the way back changes nothing');
select tests.act_as_owner();

select is((select limits -> 'max_position_quote' from trading.risk_limit_versions v join public.risk_limits r on r.id = v.limits_id and v.version = 1
  where r.trader_id = tests.trader_id('wide')), '100000', 'the version of before is kept');
select results_eq($$ select trader_id, user_id, detail ->> 'stage', (detail ->> 'version')::int from public.audit_log where action = 'limits_capped' $$,
  $$ values (tests.trader_id('wide'), tests.user_id('ann'), 'alpha', 2) $$, 'and it is audited');
select tests.create_user('bob');
insert into trading.rollout_members values (tests.user_id('bob'), 'alpha');
insert into public.traders (id, user_id, name, paper_trade_mode) values (tests.trader_id('begins live'), tests.user_id('bob'), 'begins live', false);
select is((select max_position_quote::numeric from public.risk_limits where trader_id = tests.trader_id('begins live')), 50::numeric,
  'nor are those that a first trader begins with');
select is((select max_position_quote::numeric from public.risk_limits where trader_id = tests.trader_id('first')), 10000::numeric, 'paper is not capped');

select * from finish();
rollback;
