begin;
select plan(8);
select tests.open_desk();
create temporary table desk as select gen_random_uuid() as account_id, timestamptz '2026-03-02 12:00:00+00' as at;
update trading.rate_rules set burst = 100, per_second = 10, entry_reserve = 30, check_reserve = 60, ask_reserve = 20 where name = 'request_weight';
update trading.rate_rules set burst = 12, per_second = 2, poll_reserve = 0 where name = 'questions';
create function pg_temp.draw(p_priority text, p_weight int, p_after interval default '0') returns text language sql as $$
  select concat_ws(' ', d ->> 'granted', d ->> 'rule', d ->> 'wait_ms') from desk, trading.draw_budget(account_id, p_priority, p_weight, 0, at + p_after) d
$$;

select is(pg_temp.draw('ask', 12), 'true', 'questions about resting orders take what their own bucket holds');
select is(pg_temp.draw('ask', 4), 'false questions 2000', 'and then wait for it');
select is(pg_temp.draw('entry', 58), 'true', 'however many of them wait: an entry finds the rest of the weight');
select is(pg_temp.draw('exit', 20), 'true', 'and an exit what entries left');
select is((select trim_scale(tokens) from trading.rate_budgets where rule = 'questions'), 0::numeric, 'neither draws from the questions'' bucket');
select is(pg_temp.draw('ask', 4, '2 seconds'), 'true', 'a question comes through when both buckets have enough');
select is(pg_temp.draw('exit', 26, '2 seconds'), 'true', 'what is left is the exits''');
select is(pg_temp.draw('ask', 4, '4 seconds'), 'false request_weight 400', 'a question leaves its reserve to them');

select * from finish();
rollback;
