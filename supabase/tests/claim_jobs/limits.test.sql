begin;
select plan(6);
select tests.open_desk();
create function pg_temp.claim(p_worker text, p_limit int) returns jsonb language sql as $$
  select trading.claim_jobs(p_worker, p_limit, 'https://desk.example.test', repeat('desk', 8))
$$;
select tests.raises($$ select pg_temp.claim('', 1) $$, 'FB400', 'claim_invalid', 'a claim names its worker');
select tests.raises($$ select pg_temp.claim(null, 1) $$, 'FB400', 'claim_invalid', 'null is no name');
select tests.raises($$ select pg_temp.claim('tests', 0) $$, 'FB400', 'claim_invalid', 'it asks for one job at least');
select tests.raises($$ select pg_temp.claim('tests', 101) $$, 'FB400', 'claim_invalid', 'and for a hundred at most');
select tests.raises($$ select pg_temp.claim('tests', null) $$, 'FB400', 'claim_invalid', 'and says for how many');
select is(pg_temp.claim('tests', 100) -> 'jobs', '[]'::jsonb, 'an empty queue is an empty answer');

select * from finish();
rollback;
