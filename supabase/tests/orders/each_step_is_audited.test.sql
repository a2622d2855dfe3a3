begin;
select plan(2);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 100, 1));
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 1);

select results_eq(
  $$ select action, detail ->> 'from', detail ->> 'filled_quantity' from public.audit_log
     where subject_id = (tests.order_of('one', 'entry')).id::text order by id $$,
  $$ values ('order_submitting', null, '0'), ('order_working', 'submitting', '0'),
            ('order_partially_filled', 'working', '1'), ('order_cancelled', 'partially_filled', '1') $$,
  'each step leaves one row that says where from and how much was filled');
select is_empty(
  $$ select 1 from public.audit_log where subject_type = 'order' and detail ->> 'client_order_id' is null $$,
  'each one names the order as the venue knows it');

select * from finish();
rollback;
