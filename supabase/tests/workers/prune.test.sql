begin;
select plan(3);
select tests.open_desk();
select trading.enqueue_job('sync', k, gen_random_uuid(), true, now()) from unnest('{old done,new done,old dead,queued}'::text[]) k;
update trading.jobs set status = split_part(key, ' ', 2), finished_at = clock_timestamp() - case when key like 'old%' then interval '8 days' else interval '6 days' end
where key <> 'queued';

select is(trading.prune(), 1::bigint, 'jobs done more than a week ago are removed');
select set_eq('select key from trading.jobs', array['new done', 'old dead', 'queued'],
  'younger ones, dead ones and those still to do are kept');

select tests.hire('alpha');
select tests.go_live('ann');
insert into trading.exchange_calls (account_id, environment, job_id, job_attempt, action, symbol, request, weight, timestamp_ms, recv_window_ms, permitted_at, send_by,
  outcome, answered_at)
select c.account_id, c.environment, c.job_id, c.job_attempt, a.action, 'SOLUSDT', '{}', 1, 1, 1000, a.at, a.at, 'accepted', a.at
from trading.exchange_calls c, (values ('lookup', clock_timestamp() - interval '91 days'), ('submit', clock_timestamp() - interval '91 days'),
  ('fills', clock_timestamp() - interval '89 days')) a (action, at) where c.action = 'balances';
select trading.prune();
select results_eq($$ select action from trading.exchange_calls where symbol = 'SOLUSDT' order by 1 $$, $$ values ('fills'), ('submit') $$,
  'questions to an exchange are kept for 90 days, what placed orders for good');

select * from finish();
rollback;
