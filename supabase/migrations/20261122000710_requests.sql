-- Purpose: which calls of users were heard before, so that a repeated call is the same call.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.requests (
  command     text not null,
  subject_id  uuid not null,
  request_id  uuid not null,
  content     jsonb not null,
  heard_at    timestamptz not null,
  primary key (subject_id, command, request_id)
);
comment on table  trading.requests is 'Calls that carry a request id: what each asked for. Kept, so that an echo finds its call however late it comes.';
comment on column trading.requests.subject_id is 'The position or trader the call was about; two users can use the same request id.';
alter table trading.requests enable row level security;
create policy requests_select_service on trading.requests for select to service_role using (true);
revoke all on trading.requests from public, anon, authenticated, service_role;
grant select on trading.requests to service_role;

create function trading.is_new_request(p_command text, p_subject_id uuid, p_request_id uuid, p_content jsonb, p_now timestamptz) returns boolean
language plpgsql volatile set search_path = ''
as $$
declare
  v_content jsonb;
begin
  if p_request_id is null then
    perform trading.raise_error('FB400', 'request_id_missing', 'a request id names the call; it may be left out, not null');
  end if;
  insert into trading.requests (command, subject_id, request_id, content, heard_at)
  values (p_command, p_subject_id, p_request_id, p_content, p_now)
  on conflict do nothing;
  if found then
    return true;
  end if;
  select r.content into v_content from trading.requests r
  where r.subject_id = p_subject_id and r.command = p_command and r.request_id = p_request_id;
  if v_content <> p_content then
    perform trading.raise_error('FB409', 'request_conflict', 'this request id was used before with other content',
      jsonb_build_object('request_id', p_request_id, 'before', v_content));
  end if;
  return false;
end
$$;
comment on function trading.is_new_request is 'Notes a call; false when the same one was heard before. FB400 request_id_missing, FB409 request_conflict when the id stands for other content.';

reset role;
