begin;
select plan(3);
select tests.open_desk();
select tests.hire('alpha');
-- Legal for the column, refused by pg_net: what raises there would abort the insert of the AI's decision.
update trading.settings set project_url = 'https://not a host';
select lives_ok($$ select tests.decide('one', 'alpha') $$, 'a bell that cannot ring does not abort the decision');
select is((select count(*) from trading.jobs), 1::bigint, 'the job is queued: the sweep will find it');
update trading.settings set project_url = null;
select tests.run_jobs();
select is((tests.position_of('one')).status, 'open', 'and executed');

select * from finish();
rollback;
