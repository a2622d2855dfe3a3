begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('untouched', 2);
select tests.resting_entry('half', 2);
select tests.report((tests.order_of('half', 'entry')).id, 'working', 1, tests.fill('1', 100, 1));
create temporary table ids as select (tests.position_of(s)).id from unnest('{untouched,half}'::text[]) s;
grant select on ids to public;

select tests.act_as_user('ann');
select public.close_position(id) from ids;
select tests.act_as_owner();
select tests.run_jobs();
select is((tests.order_of('untouched', 'entry')).state, 'cancelled', 'closing a position that has nothing yet cancels its entry');
select results_eq($$ select status, failure_code from tests.position_of('untouched') $$, $$ values ('failed', 'entry_unfilled') $$,
  'and ends it');
select is((tests.order_of('half', 'entry')).state, 'cancelled', 'closing one that has a part cancels the rest');
select results_eq($$ select status, exit_quantity::numeric from tests.position_of('half') $$, $$ values ('closed', 1::numeric) $$,
  'and sells the part');
select is((select sum(v::int) from jsonb_each_text(trading.check_books()) b (k, v)), 0::bigint, 'the books are right');

select * from finish();
rollback;
