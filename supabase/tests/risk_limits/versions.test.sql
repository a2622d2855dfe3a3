begin;
select plan(9);
select tests.open_desk();
select tests.hire('alpha', 'ann', '{}', null);
select tests.act_as_user('ann');
select public.set_risk_limits('{"max_position_quote": 200}', tests.trader_id('alpha'));
select public.set_risk_limits('{"max_position_quote": 150, "max_daily_loss_quote": 20}', tests.trader_id('alpha'));
select tests.raises($$ select public.set_risk_limits('{"max_position_quote": -1}', tests.trader_id('alpha')) $$, 'FB400', 'limits_invalid',
  'limits that are none are refused');
select tests.act_as_owner();

create temporary table versions as
  select v.version, v.limits ->> 'max_position_quote' as position, v.limits ->> 'max_daily_loss_quote' as loss, v.changed_by
  from trading.risk_limit_versions v join public.risk_limits r on r.id = v.limits_id where v.trader_id = tests.trader_id('alpha');
select results_eq('select * from versions order by version',
  $$ values (1, '200', null, tests.user_id('ann')::text), (2, '150', '20', tests.user_id('ann')::text) $$,
  'every change is a new version, whole, with who made it; a refused one is none');
select is((select version from public.risk_limits where trader_id = tests.trader_id('alpha')), 2, 'the limits in force are the last version');

update public.risk_limits set max_position_quote = 120 where trader_id = tests.trader_id('alpha');
select is((select limits ->> 'max_position_quote' from trading.risk_limit_versions where trader_id = tests.trader_id('alpha') and version = 3), '120',
  'what the database owner changes by hand is a version, too');
select tests.raises('update trading.risk_limit_versions set limits = ''{}''', 'FB403', 'limit_version_immutable', 'a version is never changed');
select tests.raises('delete from trading.risk_limit_versions', 'FB403', 'limit_version_immutable', 'nor removed');
select tests.raises('truncate trading.risk_limit_versions', 'FB403', 'limit_version_immutable', 'nor all of them at once');

select tests.limit_all('ann', '{"max_exposure_quote": 1000}');
select tests.enter('one', 'alpha');
select results_eq($$ select limits_version, limits_all_version, facts #>> '{limits,max_position_quote}' from trading.risk_checks $$,
  $$ values (3, 1, '120') $$, 'a verdict names the versions it was judged by, and holds them');
select is((select count(*) from trading.risk_limit_versions v join public.risk_limits r on r.id = v.limits_id and r.version = v.version
    where v.limits = jsonb_strip_nulls(to_jsonb(r))), (select count(*) from public.risk_limits), 'and each row of limits has its own version kept');

select * from finish();
rollback;
