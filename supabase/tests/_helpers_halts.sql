-- What tests of stops, pauses and resumes share.

create or replace function tests.answer_to(p_who text, p_sql text) returns text
language plpgsql
as $$
declare
  v_answer text;
begin
  case p_who
    when 'anon' then perform tests.act_as_anon();
    when 'service' then perform tests.act_as_service();
    when 'owner' then perform tests.act_as_owner();
    else perform tests.act_as_user(p_who);
  end case;
  begin
    execute p_sql into v_answer;
  exception when others then
    perform tests.act_as_owner();
    return sqlstate || ' ' || case when sqlstate like 'FB%' then split_part(sqlerrm, ':', 1) else sqlerrm end;
  end;
  perform tests.act_as_owner();
  return v_answer;
end
$$;
comment on function tests.answer_to is 'The first column of what a statement answers to anon, service, owner or the user of that name; "<sqlstate> <code>" when it is refused.';

create or replace function tests.stop(
  p_who text, p_scope text, p_id uuid default null, p_mode text default 'halt', p_request text default 'a request', p_field text default 'scope'
) returns text
language sql
as $$
  select tests.answer_to(p_who, format('select public.stop_trading(%L, %L, %L, %L, %L) ->> %L', p_scope, p_id, p_mode, 'a test',
    md5(p_request)::uuid, p_field))
$$;
comment on function tests.stop is 'A field of the answer to stop_trading, or the refusal.';

create or replace function tests.resume(p_who text, p_scope text, p_id uuid default null, p_force boolean default false) returns text
language sql
as $$
  select tests.answer_to(p_who, format('select concat_ws('' '', r ->> ''was'', r ->> ''state'') from public.resume_trading(%L, %L, %L, %L) r',
    p_scope, p_id, 'a test', p_force))
$$;
comment on function tests.resume is 'State before and after of resume_trading, or the refusal.';

create or replace function tests.states() returns text
language sql stable set search_path = ''
as $$
  select coalesce(string_agg(s.scope || ' ' || s.state || case when s.flatten then ' flatten' else '' end, ', ' order by s.scope), 'active')
  from trading.trading_states s where s.state <> 'active'
$$;
comment on function tests.states is 'Every trading state that is not active, by scope.';

create or replace function tests.make_operator(p_name text) returns void
language sql set search_path = ''
as $$ insert into trading.operators (user_id, note) values (tests.user_id(p_name), 'of tests') $$;
comment on function tests.make_operator is 'Lets a user act for everybody, as the database owner would.';

create or replace function tests.stop_row() returns trading.stop_requests
language sql stable set search_path = ''
as $$ select s from trading.stop_requests s order by s.requested_at desc, s.ended_at nulls first limit 1 $$;
comment on function tests.stop_row is 'The newest stop.';

grant execute on all functions in schema tests to public;
