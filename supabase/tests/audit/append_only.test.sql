begin;
select plan(5);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
create temporary table before as select * from tests.snapshot();

select tests.raises($$ update public.audit_log set actor = 'somebody else' $$, 'FB403', 'audit_append_only',
  'an audit row is never changed');
select tests.raises($$ delete from public.audit_log $$, 'FB403', 'audit_append_only', 'nor removed');
select tests.raises($$ truncate public.audit_log $$, 'FB403', 'audit_append_only', 'nor are all of them at once');
set local role fillbase_engine;
select tests.raises($$ delete from public.audit_log $$, 'FB403', 'audit_append_only', 'not by its owner either');
reset role;
select set_eq('select * from tests.snapshot()', 'table before', 'and all of them are there');

select * from finish();
rollback;
