/** What a scenario leaves behind: the rows that users and their frontends see, in a form in which two worlds compare. */
import type { Sql } from "postgres";

/** Money and quantities are canonical decimal text; rows stand in the order in which they came about. */
export interface Rows {
  readonly signals: readonly Row[];
  readonly positions: readonly Row[];
  /** Entries, exits, and protective orders that filled. */
  readonly orders: readonly Row[];
  /** Protective orders that wait: what is left of them. */
  readonly resting: readonly Row[];
  readonly fills: readonly Row[];
  readonly reservations: readonly Row[];
  /** Sums over the owner's accounts, by asset and bucket, without those that are zero. */
  readonly ledger: readonly Row[];
  /** Armed engine stops. */
  readonly stops: readonly Row[];
  /** Codes with whether all of them are resolved. */
  readonly alerts: readonly Row[];
}
export type Row = Readonly<Record<string, string | boolean | null>>;

/** Reads all rows of some users in one statement. */
export async function readRows(sql: Sql, userIds: readonly string[]): Promise<Rows> {
  const [row] = await sql<{ rows: Rows }[]>`
    with money as (select p.*, row_number() over (order by p.signal_id, p.created_at, p.id) as n from public.positions p
      where p.user_id = any (${userIds}))
    select jsonb_build_object(
      'signals', (select coalesce(jsonb_agg(jsonb_build_object('status', s.status, 'code', s.rejection_code) order by s.id), '[]')
        from public.signals s join public.traders t on t.id = s.trader_id where t.user_id = any (${userIds})),
      'positions', (select coalesce(jsonb_agg(jsonb_build_object('symbol', p.symbol, 'status', p.status, 'exit_reason', p.exit_reason,
          'failure', p.failure_code, 'quantity', trading.money_text(p.quantity), 'cost', trading.money_text(p.cost),
          'entry_price', trading.money_text(p.entry_price), 'entry_quantity', trading.money_text(p.entry_quantity),
          'entry_cost', trading.money_text(p.entry_cost), 'exit_price', trading.money_text(p.exit_price),
          'exit_quantity', trading.money_text(p.exit_quantity), 'exit_value', trading.money_text(p.exit_value),
          'fees', trading.money_text(p.fees_paid), 'pnl', trading.money_text(p.realized_pnl),
          'pnl_percent', trading.money_text(p.realized_pnl_percent), 'dust', trading.money_text(p.dust_quantity),
          'dust_value', trading.money_text(p.dust_value), 'stop', trading.money_text(p.stop_loss_price),
          'targets', p.take_profit_prices::text, 'max_loss', trading.money_text(p.max_loss_usdt)) order by p.n), '[]')
        from money p),
      'orders', (select coalesce(jsonb_agg(jsonb_build_object('role', o.role, 'side', o.side, 'type', o.type, 'time_in_force', o.time_in_force,
          'quantity', trading.money_text(o.quantity), 'price', trading.money_text(o.price), 'state', o.state,
          'filled', trading.money_text(o.filled_quantity), 'average', trading.money_text(o.avg_fill_price))
          order by p.n, o.created_at, o.role, o.level, o.attempt), '[]')
        from public.orders o join money p on p.id = o.position_id where o.role in ('entry', 'exit') or o.filled_quantity > 0),
      'resting', (select coalesce(jsonb_agg(jsonb_build_object('role', o.role, 'quantity', trading.money_text(o.quantity - o.filled_quantity),
          'price', trading.money_text(coalesce(o.trigger_price, o.price))) order by p.n, o.role, o.level), '[]')
        from public.orders o join money p on p.id = o.position_id
        where o.role in ('stop_loss', 'take_profit') and o.state in ('working', 'partially_filled')),
      'fills', (select coalesce(jsonb_agg(jsonb_build_object('side', t.side, 'price', trading.money_text(t.price),
          'quantity', trading.money_text(t.quantity), 'value', trading.money_text(t.value), 'fee', trading.money_text(t.fee),
          'fee_asset', t.fee_asset, 'fee_quote', trading.money_text(t.fee_quote), 'is_maker', t.is_maker,
          'pnl', trading.money_text(t.realized_pnl)) order by p.n, t.executed_at, t.sequence), '[]')
        from public.trades t join money p on p.id = t.position_id),
      'reservations', (select coalesce(jsonb_agg(jsonb_build_object('asset', r.asset, 'amount', trading.money_text(r.amount),
          'is_released', r.released_at is not null) order by p.n), '[]')
        from trading.reservations r join public.orders o on o.id = r.order_id join money p on p.id = o.position_id),
      'ledger', (select coalesce(jsonb_agg(jsonb_build_object('asset', b.asset, 'bucket', b.bucket, 'amount', trading.money_text(b.amount))
          order by b.asset, b.bucket), '[]')
        from (select asset, bucket, sum(amount) as amount from trading.balances
          where account_id in (select a.id from trading.accounts a where a.user_id = any (${userIds})) group by asset, bucket having sum(amount) <> 0) b),
      'stops', (select coalesce(jsonb_agg(jsonb_build_object('trigger', trading.money_text(s.trigger_price), 'is_fired', s.fired_at is not null)
          order by p.n), '[]')
        from trading.engine_stops s join money p on p.id = s.position_id),
      'alerts', (select coalesce(jsonb_agg(jsonb_build_object('code', a.code, 'is_resolved', a.is_resolved) order by a.code), '[]')
        from (select code, bool_and(resolved_at is not null) as is_resolved from public.alerts
          where user_id = any (${userIds}) group by code) a)) as rows`;
  return row!.rows;
}
