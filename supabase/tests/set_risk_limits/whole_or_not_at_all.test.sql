begin;
select plan(13);
select tests.open_desk();
select tests.hire('alpha');
create temporary table before as select * from tests.snapshot();
select tests.act_as_user('ann');
create function pg_temp.refused(p_limits text, p_code text, p_why text) returns text language sql as $$
  select tests.raises(format('select public.set_risk_limits(%L, tests.trader_id(%L))', p_limits, 'alpha'), 'FB400', p_code, p_why)
$$;

select pg_temp.refused('{"max_position_quote": 100, "max_leverage": 10}', 'limits_unknown',
  'a limit that does not exist is named, not ignored');
select pg_temp.refused('{"user_id": "5987368a-1ab9-c7fd-b764-bd9ff8344d2f"}', 'limits_unknown', 'a column that is no limit is none');
select pg_temp.refused('{"max_position_quote": "NaN"}', 'limits_invalid', 'NaN is no limit');
select pg_temp.refused('{"max_exposure_quote": "Infinity"}', 'limits_invalid', 'nor is Infinity');
select pg_temp.refused('{"max_position_quote": -1}', 'limits_invalid', 'nor less than nothing');
select pg_temp.refused('{"max_position_quote": "plenty"}', 'limits_invalid', 'nor a word');
select pg_temp.refused('{"max_position_quote": {}}', 'limits_invalid', 'nor an object');
select pg_temp.refused('{"max_open_positions": 2.5}', 'limits_invalid', 'nobody holds half a position');
select pg_temp.refused('{"min_confidence": 101}', 'limits_invalid', 'a confidence ends at 100');
select pg_temp.refused('{"max_position_quote": 50, "min_position_quote": 60}', 'limits_invalid', 'limits do not contradict each other');
select pg_temp.refused('[]', 'limits_invalid', 'a list is no set of limits');
select pg_temp.refused('null', 'limits_invalid', 'nor is nothing');

select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and each time the limits stayed as they were');

select * from finish();
rollback;
