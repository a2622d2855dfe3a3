begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.tick(94.98, 95);
select tests.run_jobs();

select results_eq(
  $$ select action, detail ->> 'from', actor from public.audit_log
     where subject_type = 'position' and subject_id = (tests.position_of('one')).id::text order by id $$,
  $$ values ('position_submitting', null, 'engine'), ('position_open', 'submitting', 'engine'),
            ('position_closing', 'open', 'engine'), ('position_closed', 'closing', 'engine') $$,
  'each step leaves one row that says where from');
select is(
  (select a.detail ->> 'realized_pnl' from public.audit_log a where a.action = 'position_closed'), trading.money_text((tests.position_of('one')).realized_pnl),
  'the last one names the result');
select is_empty(
  $$ select 1 from public.audit_log where subject_type = 'position' and (user_id, trader_id) is distinct from (tests.user_id('ann'), tests.trader_id('alpha')) $$,
  'each one belongs to the owner and the trader');

select * from finish();
rollback;
