begin;
select plan(4);
select tests.open_desk();
create temporary table desk as select gen_random_uuid() as account_id, timestamptz '2026-03-02 12:00:00+00' as at;
create function pg_temp.draw(p_orders int, p_after interval) returns boolean language sql as $$
  select (d ->> 'granted')::boolean from desk, trading.draw_budget(account_id, 'exit', 0, p_orders, at + p_after) d
$$;
select is(pg_temp.draw(1, '1 hour'), true, 'a clock that is ahead draws');
select is(pg_temp.draw(49, '0'), true, 'and one that is right again, too');
select is(pg_temp.draw(1, '0.01 seconds'), false, 'an empty bucket is empty');
select is(pg_temp.draw(1, '1 second'), true, 'but it fills again without waiting for the hour to come');

select * from finish();
rollback;
