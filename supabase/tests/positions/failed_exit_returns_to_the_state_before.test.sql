begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
update public.positions set status = 'monitoring' where id = (tests.position_of('one')).id;

select tests.sent_exit('one');
select is((tests.position_of('one')).status, 'closing', 'an exit under way moves a monitored position to closing');
select tests.report((tests.order_of('one', 'exit')).id, 'expired', 0);
select is((tests.position_of('one')).status, 'monitoring', 'an exit that did not fill returns it to monitoring, where it came from');
select is((tests.position_of('one')).exit_reason, null, 'and it has no reason of an exit any more');

select * from finish();
rollback;
