begin;
select plan(5);
select tests.open_desk();
select tests.resting_entry('one', 4);
select tests.resting_entry('witness', 1);
create function pg_temp.reserved(p_signal text) returns text language sql as $$
  select trim_scale(r.amount) || case when r.released_at is null then ' held' else ' free' end
  from trading.reservations r where r.order_id = (tests.order_of(p_signal, 'entry')).id
$$;

select is(pg_temp.reserved('one'), '400 held', 'an entry holds back its quantity at its limit');
select tests.report((tests.order_of('one', 'entry')).id, 'working', 1, tests.fill('1', 99, 1));
select is(pg_temp.reserved('one'), '300 held', 'a fill gives back its share at the reserved price, however cheap it was');
select tests.report((tests.order_of('one', 'entry')).id, 'working', 3, tests.fill('2', 100, 2));
select is(pg_temp.reserved('one'), '100 held', 'so does the next');
select tests.report((tests.order_of('one', 'entry')).id, 'cancelled', 3);
select is(pg_temp.reserved('one'), '0 free', 'the end of the order gives back the rest');
select is(pg_temp.reserved('witness'), '100 held', 'another order''s reservation was never touched');

select * from finish();
rollback;
