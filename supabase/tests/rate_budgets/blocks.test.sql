begin;
select plan(9);
select tests.open_desk();
create temporary table desk as select gen_random_uuid() as account_id, timestamptz '2026-03-02 12:00:00+00' as at;
create function pg_temp.draw(p_after interval) returns text language sql as $$
  select concat_ws(' ', d ->> 'granted', d ->> 'rule', d ->> 'wait_ms') from desk, trading.draw_budget(account_id, 'exit', 1, 0, at + p_after) d
$$;

select trading.block_budget('request_weight', account_id, at + interval '60 seconds', at) from desk;
select is(pg_temp.draw('0'), 'false request_weight 60000', 'after the exchange said when to come back, nobody draws');
select trading.block_budget('request_weight', account_id, at + interval '10 seconds', at) from desk;
select is(pg_temp.draw('59 seconds'), 'false request_weight 1000', 'an earlier end does not shorten a later one');
select is(pg_temp.draw('60 seconds'), 'true', 'at the named time it goes on');
select results_eq($$ select severity, code, occurrences from public.alerts $$, $$ values ('critical', 'exchange_rate_limited', 2) $$,
  'operators learn of it');
select trading.end_blocks(at + interval '59 seconds') from desk;
select is((select count(*) from public.alerts where resolved_at is null), 1::bigint, 'while it lasts they see it');
select trading.watch_exchange(at + interval '60 seconds') from desk;
select is((select resolved_by from public.alerts), 'engine', 'and no longer');
select tests.raises($$ select trading.block_budget('no_rule', account_id, at, at) from desk $$, 'FB400', 'block_invalid', 'a rule must exist');
select tests.raises($$ select trading.block_budget('request_weight', account_id, at + interval '4 days', at) from desk $$, 'FB400',
  'block_invalid', 'no answer can shut a bucket for ever');
select tests.raises($$ select trading.block_budget('request_weight', account_id, null, at) from desk $$, 'FB400', 'block_invalid',
  'a block has an end');

select * from finish();
rollback;
