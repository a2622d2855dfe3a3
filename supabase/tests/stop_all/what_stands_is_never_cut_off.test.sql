begin;
select plan(8);
select tests.open_desk();
select tests.hire('alpha', 'bob');
select tests.hire('beta', 'ann');
select tests.make_operator('otto');
create temporary table standing as select tests.stop('otto', 'everyone', p_field => 'stop_id')::uuid as id;
create temporary table first as select tests.stop('bob', 'trader', tests.trader_id('alpha'), p_request => 'stop 0', p_field => 'stop_id')::uuid as id;
grant select on standing, first to public;
select tests.resume('bob', 'trader', tests.trader_id('alpha'));
update trading.stop_requests set requested_at = requested_at - interval '1 minute';
select tests.stop('bob', 'trader', tests.trader_id('alpha'), p_request => 'stop ' || n), tests.resume('bob', 'trader', tests.trader_id('alpha'))
from generate_series(1, 100) n;

select is(tests.answer_to('otto', $$ select string_agg(stop_id::text, ' ') from public.stop_progress where ended_at is null $$), (select id::text from standing),
  'a stop that stands is seen, however many came and went since');
select is(tests.answer_to('otto', $$ select (array_agg(p.scope))[1] || ' of ' || count(*) from public.stop_progress p $$), 'everyone of 101',
  'first, before the newest hundred that have ended');
select is(tests.answer_to('otto', format($$ select count(*) from public.stop_progress where stop_id = %L $$, (select id from first))), '0', 'an older one is not listed');
select is(tests.answer_to('bob', format($$ select scope || ' ' || (ended_at is not null) from public.read_stops(%L) $$, (select id from first))), 'trader true',
  'but found by its id');
select is(tests.answer_to('ann', format($$ select count(*) from public.read_stops(%L) $$, (select id from first))), '0', 'by its owner and operators only');
select is(tests.answer_to('bob', format($$ select count(*) from public.read_stops(%L) $$, (select id from standing))), '0', 'one of everyone is the operators''');
select is(tests.answer_to('otto', format($$ select scope from public.read_stops(%L) $$, (select id from standing))), 'everyone', 'who find it too');
select is(tests.answer_to('otto', format($$ select count(*) from public.read_stops(%L) $$, gen_random_uuid())), '0', 'what is not there is not found');

select * from finish();
rollback;
