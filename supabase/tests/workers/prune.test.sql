begin;
select plan(2);
select tests.open_desk();
select trading.enqueue_job('sync', k, gen_random_uuid(), true, now()) from unnest('{old done,new done,old dead,queued}'::text[]) k;
update trading.jobs set status = split_part(key, ' ', 2), finished_at = clock_timestamp() - case when key like 'old%' then interval '8 days' else interval '6 days' end
where key <> 'queued';

select is(trading.prune(), 1::bigint, 'jobs done more than a week ago are removed');
select set_eq('select key from trading.jobs', array['new done', 'old dead', 'queued'],
  'younger ones, dead ones and those still to do are kept');

select * from finish();
rollback;
