begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
create function pg_temp.fail(p_detail text, p_sqlstate text default 'FB429') returns numeric language plpgsql as $$
declare
  v_job jsonb := trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) #> '{jobs,0}';
begin
  perform trading.fail_job((v_job ->> 'id')::bigint, (v_job ->> 'fence')::bigint, p_sqlstate, 'planted', p_detail);
  return (select extract(epoch from j.due_at - trading.engine_now()) from trading.jobs j where j.id = (v_job ->> 'id')::bigint);
end
$$;
select tests.decide(s, 'alpha') from unnest('{one,two,three,four,five}'::text[]) s;

select is(pg_temp.fail('{"rule": "orders_10s", "granted": false, "wait_ms": 430}'), 0.43, 'an entry waits for as long as the budget said');
select is(pg_temp.fail('{"rule": "orders_10s", "granted": false, "wait_ms": 430}'), 0.86, 'the portfolio''s next one behind it');
select is(pg_temp.fail('{"rule": "orders_10s", "granted": false, "wait_ms": 1}'), 0.6, 'a fifth of a second at least, each');
select is(pg_temp.fail('{"rule": "request_weight", "granted": false, "wait_ms": 3600000}'), 60::numeric, 'a minute at most, so that an end of a ban is seen');
select is(pg_temp.fail('no word'), 5::numeric, 'a second where the worker does not say');
select is((select count(*) from trading.jobs where status = 'queued'), 5::bigint, 'however often it happens, none is given up');
select trading.set_clock(trading.engine_now() + interval '1 hour');
select is((select array_agg(j ->> 'signal_id') from jsonb_array_elements(trading.claim_jobs('tests', 5, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs') j),
  array[tests.signal_id('one')::text], 'the first in line is the first to try');

select * from finish();
rollback;
