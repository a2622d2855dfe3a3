/** The database's side of the invariants: all of it in one question. */
import type { Sql } from "postgres";

/** Something that must not be, with what was seen and what should have been. */
export interface Violation {
  readonly invariant: string;
  readonly subject: string;
  readonly observed: string;
  readonly expected: string;
}

export interface OrderRow {
  readonly client: string;
  readonly role: string;
  readonly state: string;
  readonly filled: string;
  readonly is_over: boolean;
  /** Milliseconds since the epoch; null: never permitted. */
  readonly permitted_ms: number | null;
  readonly window_ms: number | null;
  /** By how much its permit took the exchange's clock to be ahead; null: it has no call. */
  readonly ahead_ms: number | null;
  /** The most that any measurement before that allows to take; null: there was none. */
  readonly told_ms: number | null;
}

export interface TradeRow {
  readonly sequence: number;
  readonly client: string;
  readonly symbol: string;
  readonly trade_id: string;
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly fee_asset: string;
}

/** A permit of an entry, or a change of a trading state. */
export interface GateRow {
  readonly id: number;
  readonly action: string;
  readonly scopes: readonly string[];
  readonly subject: string;
}

export interface Books {
  readonly violations: readonly Violation[];
  /** What changed since the last look. */
  readonly orders: readonly OrderRow[];
  readonly trades: readonly TradeRow[];
  readonly gates: readonly GateRow[];
  readonly seen: Seen;
}

/** How far the last look went: rows of later transactions are new. */
export interface Seen {
  readonly transaction: string;
  readonly trade: number;
  readonly gate: number;
  readonly entry: number;
}

export const NOTHING_SEEN: Seen = { transaction: "0", trade: 0, gate: 0, entry: 0 };

/**
 * How far ahead an order's permit may have taken the exchange's clock to be. When the exchange told its time is known to
 * lie between permit and answer: an entry goes by the later, the others by the middle; and nobody by more than the last
 * answer leaves open, which an older measurement may agree with.
 */
function toldBefore(sql: Sql) {
  return sql`
  left join lateral (
    select least(max(m.ahead_ms), max(m.most_ms) filter (where m.answered_at >= coalesce(m.previous_at, '-infinity'))) as most
    from (
      select t.answered_at, e.told_ms - e.answered_ms + case o.role when 'entry' then 0 else (e.answered_ms - e.permitted_ms) / 2 end as ahead_ms,
        e.told_ms - e.permitted_ms as most_ms, max(t.answered_at) filter (where t.answered_at < c.permitted_at) over () as previous_at
      from trading.exchange_calls t
      cross join lateral (select (t.answer ->> 'server_time_ms')::numeric as told_ms, extract(epoch from t.permitted_at) * 1000 as permitted_ms,
        extract(epoch from t.answered_at) * 1000 as answered_ms) e
      where t.action = 'server_time' and t.outcome = 'accepted' and t.answered_at <= c.permitted_at) m) told on true`;
}

/** What is wrong within the database, and what of it has to be compared with the exchange. */
export async function readBooks(sql: Sql, seen: Seen): Promise<Books> {
  const [row] = await sql`
    with since as (select ${seen.transaction}::bigint as id), wrong as (
      -- What a position holds is what its fills say.
      select 'position_is_its_fills' as invariant, p.id::text as subject, p.quantity + p.dust_quantity as observed, f.held as expected
      from since, public.positions p join public.instruments i on i.symbol = p.symbol
      cross join lateral (
        select coalesce(sum(case t.side when 'BUY' then t.quantity else -t.quantity end), 0)
          - coalesce(sum(t.fee - t.fee_outside) filter (where t.fee_asset = i.base_asset), 0) as held
        from public.trades t where t.position_id = p.id) f
      where p.xmin::text::bigint >= since.id and p.quantity + p.dust_quantity <> f.held
      union all
      select 'order_is_its_fills', o.id::text, o.filled_quantity, f.filled
      from since, public.orders o
      cross join lateral (select coalesce(sum(t.quantity), 0) as filled from public.trades t where t.order_id = o.id) f
      where o.xmin::text::bigint >= since.id and (o.filled_quantity <> f.filled
        or (o.finished_at is not null and o.filled_quantity <> o.venue_executed_quantity))
      union all
      select 'ledger_is_balanced', e.transaction_id || ' ' || e.asset, sum(e.amount), 0 from trading.ledger_entries e
      where e.id > ${seen.entry} group by e.transaction_id, e.asset having sum(e.amount) <> 0
      union all
      -- Cash is set aside for as long as an order may still want it, and no longer.
      select 'reservation_follows_its_order', o.client_order_id || ' ' || o.state, r.amount, (o.quantity - o.filled_quantity) * r.per_unit
      from trading.reservations r join public.orders o on o.id = r.order_id
      where (r.released_at is null) <> (o.finished_at is null)
        or (o.finished_at is null and r.amount < (o.quantity - o.filled_quantity) * r.per_unit)
      union all
      -- Armed, or fired with its exit on the way; a sweep arms it again where that got lost.
      select 'open_quantity_has_engine_stop', p.id::text, 0, 1
      from public.positions p left join trading.engine_stops s on s.position_id = p.id
      where p.status in ('open', 'monitoring', 'closing') and p.quantity > 0
        and (s.trigger_price is distinct from p.stop_loss_price or (s.fired_at < trading.engine_now() - interval '15 seconds' and not exists (
          select from trading.jobs j where j.position_id = s.position_id and j.kind in ('exit', 'sync') and j.status in ('queued', 'running'))))
      union all
      select 'nothing_is_quarantined', concat_ws(' ', q.code, q.symbol, q.detail ->> 'error'), count(*), 0 from trading.quarantines q group by 2
    )
    select jsonb_build_object(
      'violations', coalesce((select jsonb_agg(jsonb_build_object('invariant', w.invariant, 'subject', w.subject,
        'observed', trim_scale(w.observed)::text, 'expected', trim_scale(w.expected)::text)) from wrong w), '[]'),
      'orders', coalesce((select jsonb_agg(jsonb_build_object('client', o.client_order_id, 'role', o.role, 'state', o.state,
        'filled', trim_scale(o.filled_quantity)::text, 'is_over', o.finished_at is not null,
        'permitted_ms', floor(extract(epoch from o.permitted_at) * 1000),
        'window_ms', floor(extract(epoch from o.send_by - o.permitted_at) * 1000),
        'ahead_ms', c.timestamp_ms - floor(extract(epoch from c.permitted_at) * 1000), 'told_ms', told.most) order by o.created_at, o.id)
        from since, public.orders o
        left join trading.call_orders l on l.order_id = o.id left join trading.exchange_calls c on c.id = l.call_id
        ${toldBefore(sql)}
        where o.xmin::text::bigint >= since.id), '[]'),
      'trades', coalesce((select jsonb_agg(jsonb_build_object('sequence', t.sequence, 'client', o.client_order_id, 'symbol', t.symbol,
        'trade_id', t.binance_trade_id, 'price', trim_scale(t.price)::text, 'quantity', trim_scale(t.quantity)::text,
        'fee', trim_scale(t.fee)::text, 'fee_asset', t.fee_asset) order by t.sequence)
        from public.trades t join public.orders o on o.id = t.order_id where t.sequence > ${seen.trade}), '[]'),
      'gates', coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'action', a.action, 'subject', a.subject_id,
        'scopes', case when a.action = 'order_submitting'
          then jsonb_build_array('system:' || trading.system_scope_id(), 'user:' || a.user_id, 'account:' || o.account_id, 'trader:' || o.trader_id)
          else jsonb_build_array(a.subject_type || ':' || a.subject_id) end) order by a.id)
        from public.audit_log a left join public.orders o on a.action = 'order_submitting' and o.id::text = a.subject_id
        where a.id > ${seen.gate} and (a.action in ('trading_reducing', 'trading_halted', 'trading_resumed')
          or (a.action = 'order_submitting' and a.detail ->> 'role' = 'entry'))), '[]'),
      'seen', jsonb_build_object('transaction', pg_snapshot_xmin(pg_current_snapshot())::text,
        'trade', greatest(${seen.trade}, (select max(t.sequence) from public.trades t)),
        'gate', greatest(${seen.gate}, (select max(a.id) from public.audit_log a)),
        'entry', greatest(${seen.entry}, (select max(e.id) from trading.ledger_entries e)))) as books`;
  return row!["books"] as Books;
}
