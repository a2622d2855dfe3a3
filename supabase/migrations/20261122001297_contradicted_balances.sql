-- Purpose: what an exchange's own list of open orders says against its balances: what it executed is not missing, what it locks is there.
-- Locks:   none on existing tables.

set role fillbase_engine;

-- What the list of open orders says was executed is on its way into the books, so its coins are not missing and its cash is
-- nobody's payment. That goes on until the order itself was asked since another comparison found the same, and says less.
create function trading.assets_of_executions(p_job trading.jobs, p_account_id uuid, p_previous trading.account_checks, p_started_at timestamptz) returns text[]
language plpgsql stable set search_path = ''
as $$
begin
  return array(
    select unnest(array[i.base_asset, i.quote_asset, 'BNB']) from trading.compare_orders(p_job, p_account_id) d
    join public.instruments i on i.symbol = d ->> 'symbol'
    left join trading.venue_orders v on v.order_id = (d ->> 'order_id')::uuid
    where d ->> 'kind' = 'order_executed_more'
      and not coalesce(trading.was_seen_before(p_previous, d, p_started_at) and v.seen_at > p_previous.finished_at, false));
end
$$;
comment on function trading.assets_of_executions is 'Assets that orders have moved (or paid fees in) by the word of the list of open orders alone, unless the order itself has denied it since.';

-- What an open sell would sell is locked, and nobody can take it away before the order has ended. The balances were asked for
-- before the orders: a sell that executed in between is listed with less, and a purchase in between has its asset unsettled.
-- The legs of a list lock the same coins once, as many as the one that has executed more has left. Who is wrong about the balances
-- may be wrong about the list, too: a stop that was not listed the last time either, and has said since that it rests, speaks against both.
create function trading.contradicted_balances(
  p_job trading.jobs, p_account_id uuid, p_balances jsonb, p_previous trading.account_checks, p_unsettled text[]
) returns setof jsonb
language plpgsql stable set search_path = ''
as $$
begin
  return query
    with resting as (
      select i.base_asset as asset, coalesce(o.order_list_id, o.id::text) as list, (r ->> 'quantity')::numeric - (r ->> 'executed_quantity')::numeric as quantity
      from trading.calls_of_walk(p_job, 'open_orders') c
      cross join lateral jsonb_array_elements(c.answer -> 'orders') r
      join public.orders o on o.client_order_id = r ->> 'client_order_id' and o.account_id = p_account_id and o.side = 'SELL'
      join public.instruments i on i.symbol = o.symbol
      where c.outcome = 'accepted'
      union all
      select i.base_asset, coalesce(g.order_list_id, g.id::text), g.quantity - g.venue_executed_quantity
      from public.positions p join public.instruments i on i.symbol = p.symbol cross join lateral trading.resting_guard(p.id) g
      where p.account_id = p_account_id and not p.is_paper_trade and p.status in ('open', 'monitoring', 'closing')
        and p_previous.differences @> jsonb_build_array(jsonb_build_object('kind', 'order_not_listed', 'order_id', g.id))
        and trading.last_seen(g.id) > p_previous.started_at and not trading.is_doubted(g)
    ), lists as (
      select r.asset, min(r.quantity) as quantity from resting r group by r.asset, r.list
    ), locked as (
      select l.asset, sum(l.quantity) as quantity from lists l group by l.asset
    )
    select jsonb_build_object('kind', 'balances_contradicted', 'asset', l.asset, 'expected', trading.money_text(l.quantity), 'found', trading.money_text(coalesce(b.total, 0)))
    from locked l
    left join (select b.asset, b.free + b.locked as total from jsonb_to_recordset(p_balances) as b (asset text, free numeric, locked numeric)) b using (asset)
    where coalesce(b.total, 0) < l.quantity and l.asset <> all (p_unsettled)
    order by l.asset;
end
$$;
comment on function trading.contradicted_balances is
  'Differences balances_contradicted: assets of which the balances of a walk show less than the open sells of ours, listed in the same walk, have locked, or stops that were listed neither time and have said in between that they rest.';

-- One reader at the exchange is wrong, in one asset at least: none of its balances counts. Said twice it is no lag any more.
create function trading.hold_contradicted(p_account_id uuid, p_differences jsonb, p_previous trading.account_checks, p_started_at timestamptz, p_now timestamptz)
returns void
language plpgsql volatile set search_path = ''
as $$
begin
  -- Once it is known there is no hurry: each look costs the whole book.
  perform trading.queue_account_check(p_account_id, 'confirm', p_now + case when exists (
    select from public.alerts a where a.code = 'balances_contradicted' and a.subject_id = p_account_id::text and a.resolved_at is null)
    then interval '1 minute' else interval '5 seconds' end);
  perform trading.raise_alert(p_now, 'critical', 'balances_contradicted', a.user_id, 'account', a.id::text,
    format('The exchange shows less %s than the account''s open orders lock there. Its balances are not believed: books and protection stay as they are.',
      p_differences -> 0 ->> 'asset'), jsonb_build_object('differences', p_differences))
  from trading.accounts a
  where a.id = p_account_id and p_previous.differences @> '[{"kind": "balances_contradicted"}]' and p_previous.started_at <= p_started_at - interval '5 seconds';
end
$$;
comment on function trading.hold_contradicted is 'Has an account whose balances are contradicted compared again in five seconds, and every minute once that is known, with a critical alert from the second time on.';

create function trading.end_contradiction(p_account_id uuid, p_now timestamptz) returns void
language sql volatile
begin atomic
  update public.alerts a set resolved_at = p_now, resolved_by = 'engine'
  where a.code = 'balances_contradicted' and a.subject_id = p_account_id::text and a.resolved_at is null;
end;
comment on function trading.end_contradiction is 'The balances of an account agree with its open orders: resolves the alert.';

reset role;
