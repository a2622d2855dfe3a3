begin;
select plan(23);
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
select pg_temp.refused('{"max_position_quote": 1e131000}', 'limits_invalid', 'a number that no market knows is no limit');
select pg_temp.refused('{"max_position_quote": 1000000000000.01}', 'limits_invalid', 'nor is one just past 1e12');
select pg_temp.refused('{"max_position_quote": "1e999"}', 'limits_invalid', 'text with an exponent is no plain number');
select pg_temp.refused('{"max_position_quote": "0x64"}', 'limits_invalid', 'nor is one in base 16');
select pg_temp.refused('{"max_position_quote": "1_000"}', 'limits_invalid', 'nor one with marks for thousands');
select pg_temp.refused(format('{"max_daily_loss_percent": 0.%s1}', repeat('0', 200)), 'limits_invalid', 'nor one of two hundred decimals');
create function pg_temp.told(p_limits text) returns text language plpgsql as $$
declare v_words text; v_hint text;
begin
  perform public.set_risk_limits(p_limits::jsonb, tests.trader_id('alpha'));
  return null;
exception when others then
  get stacked diagnostics v_words = message_text, v_hint = pg_exception_hint;
  return case when v_hint like 'Limits are plain decimal numbers%' then v_words end;
end
$$;
select is(pg_temp.told('{"max_position_quote": 50, "min_position_quote": 60}'),
  'limits_invalid: min_position_quote is larger than the largest position, order or exposure', 'what contradicts is told in words, with a hint');
select is(pg_temp.told('{"max_drawdown_percent": 101}'), 'limits_invalid: max_drawdown_percent is out of its range', 'so is what is out of range');
select is(pg_temp.told('{"max_order_quote": "lots"}'), 'limits_invalid: max_order_quote is no plain decimal number from 0 to 1000000000000', 'or no number');
select pg_temp.refused('[]', 'limits_invalid', 'a list is no set of limits');
select pg_temp.refused('null', 'limits_invalid', 'nor is nothing');

select tests.act_as_owner();
select set_eq('select * from tests.snapshot()', 'table before', 'and each time the limits stayed as they were');

select tests.act_as_user('ann');
select is((public.set_risk_limits('{"max_position_quote": "1000000000000", "max_exposure_quote": 1.5e3}', tests.trader_id('alpha')) ->> 'max_position_quote')::numeric, 1e12,
  'the largest limit may be set, as text, too');
select tests.act_as_owner();

select * from finish();
rollback;
