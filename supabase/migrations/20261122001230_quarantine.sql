-- Purpose: what does not agree with the exchange is set aside, while everything else trades on.
-- Locks:   none on existing tables.

set role fillbase_engine;

create table trading.quarantines (
  id          bigint generated always as identity primary key,
  account_id  uuid not null references trading.accounts (id),
  symbol      text not null,
  position_id uuid references public.positions (id),
  code        text not null check (code in ('coins_missing', 'report_conflict', 'order_believed_over')),
  detail      jsonb not null default '{}',
  began_at    timestamptz not null,
  ended_at    timestamptz,
  ended_by    text,
  release_asked_by text,
  constraint quarantines_end_explained check ((ended_at is null) = (ended_by is null))
);
comment on table  trading.quarantines is 'A symbol of an exchange account whose books do not agree with the exchange: no entry, and of its position nothing but the stop, until somebody decides.';
comment on column trading.quarantines.release_asked_by is 'Of code report_conflict: who had the order asked about again; its quarantine ends when the answer agrees with the books.';
comment on column trading.quarantines.position_id is 'The position in question; null: the symbol as a whole.';
create unique index quarantines_open_idx on trading.quarantines (account_id, symbol, code, coalesce(position_id, account_id)) where ended_at is null;
create index quarantines_account_id_idx on trading.quarantines (account_id);
create index quarantines_position_id_idx on trading.quarantines (position_id);
alter table trading.quarantines enable row level security;
create policy quarantines_select_service on trading.quarantines for select to service_role using (true);
revoke all on trading.quarantines from public, anon, authenticated, service_role;
grant select on trading.quarantines to service_role;

create function trading.quarantine(
  p_account_id uuid, p_symbol text, p_position_id uuid, p_code text, p_message text, p_detail jsonb, p_now timestamptz
) returns void
language plpgsql volatile set search_path = ''
as $$
declare
  v_user_id uuid := (select a.user_id from trading.accounts a where a.id = p_account_id);
begin
  insert into trading.quarantines (account_id, symbol, position_id, code, detail, began_at)
  values (p_account_id, p_symbol, p_position_id, p_code, p_detail, p_now)
  on conflict do nothing;
  if not found then
    return;
  end if;
  perform trading.raise_alert(p_now, 'critical', p_code, v_user_id, case when p_position_id is null then 'symbol' else 'position' end,
    coalesce(p_position_id::text, p_account_id || ':' || p_symbol), p_message, p_detail || jsonb_build_object('symbol', p_symbol));
  perform trading.audit(p_now, 'quarantine_began', v_user_id, null, case when p_position_id is null then 'symbol' else 'position' end,
    coalesce(p_position_id::text, p_symbol), p_detail || jsonb_build_object('code', p_code, 'account_id', p_account_id, 'symbol', p_symbol));
end
$$;
comment on function trading.quarantine is 'Sets a symbol of an account, or one position in it, aside with a critical alert; once while it stands.';

create function trading.is_quarantined(p_account_id uuid, p_symbol text) returns boolean
language plpgsql stable set search_path = ''
as $$
begin
  return exists (select from trading.quarantines q where q.account_id = p_account_id and q.symbol = p_symbol and q.ended_at is null);
end
$$;
comment on function trading.is_quarantined is 'Whether anything of a symbol is set aside on an account.';

reset role;
