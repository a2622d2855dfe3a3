begin;
select plan(7);
select tests.open_desk();
select tests.resting_entry('one', 2);
select tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 100, 1, 0.1));
create temporary table before as select * from tests.snapshot();

create function pg_temp.conflicts(p_fill text, p_what text) returns text language sql as $$
  select tests.raises(format('select tests.report((tests.order_of(%L, %L)).id, %L, 2, tests.fill(%L, 100, 0.5), %s)', 'one', 'entry', 'working', 'new', p_fill),
    'FB409', 'fill_conflict', 'the same exchange trade with another ' || p_what || ' is an error, never a skip')
$$;
select pg_temp.conflicts($$ tests.fill('1', 100.01, 1, 0.1) $$, 'price');
select pg_temp.conflicts($$ tests.fill('1', 100, 0.999, 0.1) $$, 'quantity');
select pg_temp.conflicts($$ tests.fill('1', 100, 1, 0.10000001) $$, 'fee');
select pg_temp.conflicts($$ tests.fill('1', 100, 1, 0.1, 'BNB') $$, 'fee asset');
select pg_temp.conflicts($$ tests.fill('1', 100, 1, 0.1, 'USDT', '{"value": 100.01}') $$, 'value');
select set_eq('select * from tests.snapshot()', 'table before', 'and nothing was changed, not even by the good fill beside it');
select is(tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 100.000, 1.0, 0.100)), 'partially_filled',
  'other digits for the same numbers are no conflict');

select * from finish();
rollback;
