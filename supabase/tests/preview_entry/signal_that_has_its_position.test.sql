begin;
select plan(2);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.act_as_service();
select is(public.preview_entry(tests.signal_id('one')) ->> 'code', 'signal_has_position', 'a decision on it would be ignored, and the preview says so');
select is((public.preview_entry(tests.signal_id('one')) ->> 'passed')::boolean, false, 'it does not pass');
select tests.act_as_owner();

select * from finish();
rollback;
