/** Whether limits were held, asked of the tables and not of the verdicts. */
import type { Sql } from "postgres";

/** How many limits are passed at a moment, and what gaps took beyond the stops that losses are planned by. */
export interface Exceeded {
  readonly limits_exceeded: number;
  /** What all stops together sold below their price, before fees, decimal text in USDT (`public.stop_overshoots`). */
  readonly overshoot_usdt: string;
}

/**
 * Counts positions and exposures above the limits in force, of traders and of users. Limits that were lowered below what
 * was there are left out by asking for entries made after the limit was set.
 */
export async function countExceeded(sql: Sql): Promise<Exceeded> {
  const [row] = await sql<{ exceeded: number; overshoot: string }[]>`
    with held as (
      select p.user_id, p.trader_id, count(*) as count, sum(p.cost + coalesce(r.amount, 0)) as exposure, max(p.created_at) as entered_at
      from public.positions p
      left join public.orders o on o.position_id = p.id and o.role = 'entry'
      left join trading.reservations r on r.order_id = o.id
      where p.status not in ('closed', 'failed') group by 1, 2
    ), scopes as (
      select h.count, h.exposure, h.entered_at, l from held h join public.risk_limits l on l.trader_id = h.trader_id
      union all
      select sum(h.count), sum(h.exposure), max(h.entered_at), l from held h
      join public.risk_limits l on l.user_id = h.user_id and l.trader_id is null and l.mode = 'paper' group by l
    ), orders as (
      select o.quantity * o.price as notional, p.max_loss_usdt, o.created_at, l from public.orders o
      join public.positions p on p.id = o.position_id
      join public.risk_limits l on l.trader_id = o.trader_id or (l.user_id = o.user_id and l.trader_id is null and l.mode = 'paper')
      where o.role = 'entry' and o.state not in ('denied', 'rejected')
    )
    select (
      (select count(*) from scopes s where s.entered_at >= (s.l).updated_at
        and (s.exposure > (s.l).max_exposure_quote or s.count > (s.l).max_open_positions))
      + (select count(*) from orders o where o.created_at >= (o.l).updated_at
        and (o.notional > least((o.l).max_position_quote, (o.l).max_order_quote) or o.max_loss_usdt > (o.l).max_loss_per_position))
    )::int as exceeded,
    (select coalesce(trim_scale(sum(o.overshoot::numeric)), 0)::text from public.stop_overshoots o) as overshoot`;
  return { limits_exceeded: row!.exceeded, overshoot_usdt: row!.overshoot };
}
