begin;
select plan(7);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.enter('witness', 'alpha');

select tests.act_as_user('ann');
create temporary table answer as select public.close_position(id) as said from public.positions where signal_id = tests.signal_id('one');
select tests.act_as_owner();
select is((select said - 'job_id' from answer), jsonb_build_object('position_id', (tests.position_of('one')).id, 'status', 'open'),
  'the command answers at once with the position as it is');
select is((select said ->> 'job_id' from answer), (select id::text from trading.jobs where kind = 'exit'), 'and the job it queued');
select is((select detail ->> 'by' from public.audit_log where action = 'close_requested'), tests.user_id('ann')::text,
  'who asked is audited');
select tests.run_jobs();
-- 0.999 x 99.99 = 99.89001, fee 0.09989001, cost 100
select results_eq($$ select status, exit_reason, exit_quantity::numeric, realized_pnl::numeric from tests.position_of('one') $$,
  $$ values ('closed', 'manual', 0.999, -0.20988001) $$, 'all of it is sold at the bid');
select is((tests.position_of('witness')).status, 'open', 'the other position is open still');

select tests.act_as_user('ann');
select is(public.close_position(p.id), jsonb_build_object('position_id', p.id, 'status', 'closed', 'job_id', null), 'closing what is closed does nothing')
from tests.position_of('one') p;
select tests.act_as_owner();
select is((select count(*) from trading.jobs where kind = 'exit'), 1::bigint, 'and queues nothing');

select * from finish();
rollback;
