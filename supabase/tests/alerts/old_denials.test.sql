begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.limit_trader('alpha', '{"min_confidence": 90}');
create function pg_temp.open_after(p_by interval) returns bigint language plpgsql as $$
begin
  perform trading.set_clock(trading.engine_now() + p_by);
  perform trading.prune();
  return (select count(*) from public.alerts where code = 'entry_denied:confidence_too_low' and resolved_at is null);
end
$$;
select tests.enter('one', 'alpha');
select is(pg_temp.open_after('23 hours'), 1::bigint, 'a denial is news for a day');
select tests.tick(99.99, 100);
select tests.enter('two', 'alpha');
select is(pg_temp.open_after('23 hours'), 1::bigint, 'for another one if it is repeated');
select is(pg_temp.open_after('2 hours'), 0::bigint, 'then it is over');
select tests.tick(99.99, 100);
select tests.enter('three', 'alpha');
select is((select count(*) from public.alerts where code = 'entry_denied:confidence_too_low'), 2::bigint, 'and a later one is another alert');

select * from finish();
rollback;
