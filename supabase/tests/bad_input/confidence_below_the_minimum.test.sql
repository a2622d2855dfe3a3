begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
update public.risk_limits set min_confidence = 70;
select tests.decide('one', 'alpha', p_confidence => 69.99);
select tests.run_jobs();

select * from tests.is_refused('one', 'confidence_too_low');

select tests.decide('one', 'alpha', p_confidence => 70);
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'a later decision that is sure enough is executed');

select * from finish();
rollback;
