begin;
select plan(14);
select tests.open_desk();
select tests.hire('alpha');
create temporary table first as select tests.stop('ann', 'user', p_request => 'one', p_field => 'stop_id') as id;
create temporary table before as select * from tests.snapshot();

select is(tests.stop('ann', 'user', p_request => 'one', p_field => 'stop_id'), (select id from first), 'the same request gets the same stop');
select is(tests.stop('ann', 'user', p_request => 'two', p_field => 'stop_id'), (select id from first), 'another one too, while it stands');
select is(tests.stop('ann', 'user', tests.user_id('ann'), p_request => 'three', p_field => 'stop_id'), (select id from first), 'however it names the scope');
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing changed');
select is(tests.stop('ann', 'trader', tests.trader_id('alpha'), p_request => 'one'), 'FB409 request_conflict',
  'the same request for something else is refused');

select is(tests.stop('ann', 'user', null, 'halt_and_flatten', 'one'), 'FB409 request_conflict', 'and for something stricter, rather than swallowed');
select is(tests.stop('ann', 'user', null, 'halt_and_flatten', 'four', 'mode'), 'halt_and_flatten', 'a halt becomes a halt that flattens');
select is(tests.stop('ann', 'user', null, 'halt', 'five', 'mode'), 'halt_and_flatten', 'and not the other way');
select is(tests.states(), 'user halted flatten', 'as the state says');
select is((select count(*) from trading.stop_requests), 1::bigint, 'it is one stop all the while');
select is((select array_agg(a.action order by a.id) from public.audit_log a where a.subject_type = 'stop'), '{stop_requested,stop_escalated}',
  'each step audited once');

select tests.resume('ann', 'user');
select is(tests.stop('ann', 'user', p_request => 'one', p_field => 'stop_id'), 'FB409 stop_ended', 'the first request, come late, is told that its stop is over');
select is(tests.states(), 'active', 'and stops nothing any more');
select isnt(tests.stop('ann', 'user', p_request => 'six', p_field => 'stop_id'), (select id from first), 'a new one is a new stop');

select * from finish();
rollback;
