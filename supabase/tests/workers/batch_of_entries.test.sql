begin;
select plan(8);
select tests.open_desk('{"entry_batch": 3}');
select tests.list_symbol('BADUSDT');
select tests.tick(99.99, 100, p_symbol => 'BADUSDT');
select tests.hire('alpha');
select tests.decide(s, 'alpha', p_symbol => case s when 'bad' then 'BADUSDT' else 'SOLUSDT' end) from unnest('{first,second,bad,third,fourth,fifth}'::text[]) s;

create function pg_temp.fail_bad() returns trigger language plpgsql as $$ begin raise exception 'planted'; end $$;
create trigger planted before insert on public.positions for each row when (new.symbol = 'BADUSDT') execute function pg_temp.fail_bad();
create temporary table answer (n serial, said jsonb);
create function pg_temp.execute(p_job jsonb) returns void language sql as $$
  insert into answer (said) select trading.execute_job((p_job ->> 'id')::bigint, (p_job ->> 'fence')::bigint, 'tests')
$$;

select pg_temp.execute(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs' -> 0);
select is((select said -> 'also' from answer where n = 1), '1'::jsonb,
  'a transaction goes on with the portfolio''s next entries until one raises');
select results_eq($$ select g.name, s.status from unnest('{first,second,bad,third}'::text[]) with ordinality g (name, n)
    join public.signals s on s.id = tests.signal_id(g.name) order by g.n $$,
  $$ values ('first', 'in_position'), ('second', 'in_position'), ('bad', 'ready'), ('third', 'ready') $$,
  'what was executed before it stays executed');
select is((select (said -> 'next' ->> 'signal_id')::uuid from answer where n = 1), tests.signal_id('bad'),
  'the one that raised is to be executed by itself');
select is((select attempts from trading.jobs where signal_id = tests.signal_id('bad')), 1, 'for the first time');

select throws_ok($$ select pg_temp.execute(said -> 'next') from answer where n = 1 $$, 'P0001', 'planted', 'it raises again');
select trading.fail_job((said -> 'next' ->> 'id')::bigint, (said -> 'next' ->> 'fence')::bigint, 'P0001',
  'planted') from answer where n = 1;
select pg_temp.execute(trading.claim_jobs('tests', 1, 'https://desk.example.test', repeat('desk', 8)) -> 'jobs' -> 0);
select is((select max((said ->> 'also')::int) from answer), 2, 'a batch has as many entries as the settings allow');
select is((select count(*) from public.positions where status = 'open'), 5::bigint, 'every good decision is a position');
select is((select rejection_code from public.signals where id = tests.signal_id('bad')), 'engine_error', 'the bad one is refused');

select * from finish();
rollback;
