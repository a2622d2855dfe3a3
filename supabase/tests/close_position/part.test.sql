begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha', '{"stopLoss": 95, "takeProfit": [110]}');
create function pg_temp.close(p_quantity numeric) returns text[] language plpgsql as $$
begin
  perform tests.act_as_user('ann');
  perform public.close_position((select id from public.positions where signal_id = tests.signal_id('one')), p_quantity);
  perform tests.act_as_owner();
  return tests.run_jobs();
end
$$;

select is(pg_temp.close(0.4999), array['exit filled'], 'a part is sold');
select results_eq($$ select status, exit_quantity::numeric, quantity::numeric from tests.position_of('one') $$,
  $$ values ('open', 0.499, 0.5) $$,
  'down to the exchange''s step, and the position stays open');
select results_eq($$ select role, quantity::numeric from public.orders where state = 'working' order by 1 $$,
  $$ values ('stop_loss', 0.5), ('take_profit', 0.5) $$, 'stop and target are for what is left');
select is((select count(*) from trading.engine_stops where fired_at is null), 1::bigint, 'the engine stop stays armed');

-- 0.04 of the 0.5 would be left, worth less than the exchange sells.
select is(pg_temp.close(0.46), array['exit filled'], 'a part that would leave dust behind');
select results_eq($$ select status, exit_quantity::numeric from tests.position_of('one') $$, $$ values ('closed', 0.999) $$,
  'becomes the whole');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
