begin;
select plan(7);
select tests.open_desk();
select tests.resting_entry('untouched', 2);
select tests.resting_entry('half', 2);
select tests.resting_entry('witness', 2);
select tests.report((tests.order_of('half', 'entry')).id, 'working', 1, tests.fill('1', 100, 1));
create temporary table ids as select s as name, (tests.position_of(s)).id from unnest('{untouched,half}'::text[]) s;
grant select on ids to public;

select tests.act_as_user('ann');
create temporary table answers as select name, public.cancel_entry(id) as said from ids;
select is((select public.cancel_entry(id) from ids where name = 'half'), (select said from answers where name = 'half'),
  'asking twice is asking once');
select tests.act_as_owner();
select tests.run_jobs();
select results_eq($$ select state, reason from tests.order_of('untouched', 'entry') $$, $$ values ('cancelled', 'cancelled_by_user') $$,
  'a resting entry is cancelled');
select is((tests.position_of('untouched')).status, 'failed', 'its position ends without coins');
select results_eq($$ select o.state, p.status, p.quantity::numeric from tests.order_of('half', 'entry') o, tests.position_of('half') p $$,
  $$ values ('cancelled', 'open', 1::numeric) $$, 'what was bought stays');
select is((tests.order_of('half', 'stop_loss')).state || ' ' || (tests.order_of('half', 'stop_loss')).quantity::numeric, 'working 1',
  'protected');
select is((tests.order_of('witness', 'entry')).state, 'working', 'another entry rests on');

select tests.act_as_user('ann');
select is((select public.cancel_entry(id) ->> 'job_id' from ids where name = 'half'), null,
  'with nothing left to cancel nothing is queued');

select * from finish();
rollback;
