begin;
select plan(4);
select tests.open_desk();
select tests.hire('alpha');
select tests.enter('one', 'alpha');
select tests.create_user('eve');

create temporary table engine_tables as
  select c.oid, c.oid::regclass::text as name,
    (select quote_ident(a.attname) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
       and a.attgenerated = '' order by a.attnum limit 1) as a_column
  from pg_class c where c.relkind = 'r' and c.relowner = 'fillbase_engine'::regrole and c.relnamespace in ('public'::regnamespace, 'trading'::regnamespace);

create function pg_temp.attempt(p_who text, p_statement text) returns text language plpgsql as $$
begin
  perform case p_who when 'anon' then tests.act_as_anon() when 'service_role' then tests.act_as_service() else tests.act_as_user(p_who) end;
  begin
    execute p_statement;
    raise exception 'take it back';
  exception
    when insufficient_privilege then
      perform tests.act_as_owner();
      return 'denied';
    when others then
      perform tests.act_as_owner();
      return sqlerrm;
  end;
end
$$;
create temporary table attempts as
  select t.name, w.who, v.verb, pg_temp.attempt(w.who, format(v.statement, t.name, t.a_column)) as answer
  from engine_tables t, unnest('{anon,ann,eve,service_role}'::text[]) w (who),
    (values ('insert', 'insert into %1$s default values'), ('update', 'update %1$s set %2$s = %2$s'), ('delete', 'delete from %1$s'),
            ('truncate', 'truncate %1$s')) v (verb, statement);

select ok((select count(distinct name) from attempts) >= 25 and (select array_agg(distinct name) from attempts)
  @> '{positions,orders,trades,paper_balances,risk_limits,audit_log,alerts,instruments,market_prices,trading.ledger_entries,trading.balances,trading.jobs,trading.settings}',
  'every table of the engine is tried');
select is_empty($$ select * from attempts where answer <> 'denied' $$,
  'nobody but the engine writes them: not anon, not a stranger, not the owner of the row, not the service role');
select is(pg_temp.attempt('ann', 'update public.traders set name = name'), 'take it back',
  'the instrument tells what is allowed from what is not');
select is((tests.position_of('one')).status, 'open', 'the position is as it was');

select * from finish();
rollback;
