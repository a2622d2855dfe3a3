begin;
select plan(6);
select tests.open_desk();
create function pg_temp.queue(p_kind text, p_name text, p_portfolio text default 'ann', p_due interval default '0') returns void language sql as $$
  select trading.enqueue_job(p_kind, p_name, trading.ensure_portfolio(tests.user_id(p_portfolio), 'paper', now()), true, trading.engine_now() + p_due)
$$;
create function pg_temp.claim(p_limit int) returns text[] language sql as $$
  select array(select j.key from jsonb_array_elements(trading.claim_jobs('tests', p_limit, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs')
    with ordinality c (job, n) join trading.jobs j on j.id = (c.job ->> 'id')::bigint order by c.n)
$$;
select pg_temp.queue('enter', 'entry 1');
select pg_temp.queue('manage', 'manage');
select pg_temp.queue('sync', 'sync');
select pg_temp.queue('cancel', 'cancel');
select pg_temp.queue('protect', 'protect');
select pg_temp.queue('exit', 'exit 1');
select pg_temp.queue('exit', 'exit 2');
select pg_temp.queue('halt', 'halt');
select pg_temp.queue('exit', 'not due yet', p_due => '1 second');
select pg_temp.queue('enter', 'entry 2');
select pg_temp.queue('enter', 'entry of another', 'bob');

select set_eq($$ select unnest(pg_temp.claim(3)) $$, array['halt', 'exit 1', 'exit 2'], 'a claim takes halts and exits first');
select set_eq($$ select unnest(pg_temp.claim(3)) $$, array['protect', 'cancel', 'sync'], 'then what protects, cancels and asks');
select set_eq($$ select unnest(pg_temp.claim(10)) $$, array['manage', 'entry 1', 'entry of another'],
  'entries come with the first of each portfolio, in the order of the decisions');
select is(pg_temp.claim(10), '{}'::text[], 'a second entry of a portfolio waits for the first; what is not due is not given out');
select trading.set_clock(trading.engine_now() + interval '1 second');
select is(pg_temp.claim(10), array['not due yet'], 'until it is due');

-- What a stop cancels would be the last to go, behind hundreds of sales.
select pg_temp.queue('exit', 'exit of a stop');
select pg_temp.queue('cancel', 'cancel of a time-out');
select trading.enqueue_job('cancel', 'cancel of a stop', trading.ensure_portfolio(tests.user_id('ann'), 'paper', now()), true, trading.engine_now(),
  p_payload => '{"reason": "trading_stopped"}');
select is(array[pg_temp.claim(1), pg_temp.claim(1), pg_temp.claim(1)], array[['cancel of a stop'], ['exit of a stop'], ['cancel of a time-out']],
  'the cancels of a stop go before the sales, others behind them');

select * from finish();
rollback;
