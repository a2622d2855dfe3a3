begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.decide('waits', 'alpha');
select tests.decide('waits', 'alpha', p_decision => 'wait');
select tests.decide('bad', 'alpha');
select tests.decide('bad', 'alpha', p_decision => 'bad_setup');
select tests.decide('better', 'alpha', '{"stopLoss": 95}');
select tests.decide('better', 'alpha', '{"stopLoss": 94}');

select is(tests.run_jobs(),
  array['enter ignored decision_superseded', 'enter ignored decision_superseded', 'enter ignored decision_superseded', 'enter filled'],
  'an entry whose decision was taken back or replaced is ignored');
select results_eq($$ select s.name, g.status, g.closed_at is null from unnest('{waits,bad,better}'::text[]) with ordinality s (name, n)
    join public.signals g on g.id = tests.signal_id(s.name) order by s.n $$,
  $$ values ('waits', 'monitoring', true), ('bad', 'expired', false), ('better', 'in_position', true) $$,
  'each signal says what the last decision was');
select is((tests.position_of('better')).stop_loss_price::numeric, 94::numeric, 'the newest levels are executed');
select is((select count(*) from public.positions), 1::bigint, 'once');
select is((select count(*) from public.audit_log where action = 'decision_ignored'), 3::bigint, 'each ignored decision is audited');

select * from finish();
rollback;
