begin;
select plan(2);
select tests.open_desk();
select tests.resting_entry('one', 1);

select throws_ok($$ update public.positions set status = 'failed', closed_at = now() $$, '23514', null,
  'a position does not fail without a code that says why');
select is((tests.position_of('one')).status, 'submitting', 'it stays what it was');

select * from finish();
rollback;
