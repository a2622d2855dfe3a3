begin;
select plan(9);
select tests.open_desk();
select tests.list_symbol('ETHUSDT');
select tests.tick(99.99, 100, p_symbol => 'ETHUSDT');
select tests.hire('alpha');
select tests.hire('beta', 'bob');
create function pg_temp.sweep_after(p_by interval) returns text language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  perform trading.sweep();
  return (select count(*) from public.alerts where code = 'prices_missing' and resolved_at is null)::text;
end
$$;

select is(pg_temp.sweep_after('1 hour'), '0', 'prices that no stop waits for may be old');
select tests.tick(99.99, 100);
select tests.enter('one', 'alpha');
select tests.enter('two', 'alpha');
select tests.enter('three', 'beta');
select is(pg_temp.sweep_after('29 seconds'), '0', 'a hiccup is no silence');
select is(pg_temp.sweep_after('2 seconds'), '3', 'after 30 seconds without a price there are alerts');
select results_eq($$ select user_id, severity, subject_id from public.alerts where code = 'prices_missing' order by user_id nulls first, 1 $$,
  $$ select u, 'critical', 'SOLUSDT' || coalesce(':' || u, '') from unnest(array[null, tests.user_id('ann'), tests.user_id('bob')]::uuid[]) u order by u nulls first $$,
  'one of the symbol and one of each owner');
select pg_temp.sweep_after('2 seconds');
select is((select max(occurrences) from public.alerts where code = 'prices_missing'), 1, 'told once');
select tests.tick(99.99, 100);
select is(pg_temp.sweep_after('0 seconds'), '0', 'a price resolves them');

select tests.settings('{"max_price_age_ms": 60000}');
select is(pg_temp.sweep_after('179 seconds'), '0', 'where prices may be older, silence is longer');
select is(pg_temp.sweep_after('2 seconds'), '3', 'three times as long as they may');
select tests.act_as_user('ann');
select results_eq($$ select detail ->> 'symbol' from public.alerts where code = 'prices_missing' and resolved_at is null $$, $$ values ('SOLUSDT') $$,
  'an owner sees the own one');
select tests.act_as_owner();

select * from finish();
rollback;
