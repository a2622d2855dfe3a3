/**
 * Whether any entry got a permit while trading was not active, from the audit log alone. A change of state is audited while
 * its gate is held exclusively; an entry confirms its permit under the gates after it has audited it. So a permit with a
 * larger number than a halt's, and a smaller one than the resume's, should have been refused.
 */
import assert from "node:assert/strict";
import type { Sql } from "postgres";

interface Step {
  readonly action: string;
  readonly scope: string;
  readonly scope_id: string;
  readonly user_id: string;
  readonly portfolio_id: string | null;
  readonly account_id: string | null;
  /** The trader of a live order: on paper its state is that of its account. */
  readonly live_trader_id: string | null;
}

const SYSTEM = "00000000-0000-0000-0000-000000000000";

/** Replays every permit and change of state, fails on a permit under a halt, and answers how many of each there were. */
export async function assertNoPermitUnderHalt(sql: Sql): Promise<{ permits: number; changes: number }> {
  const steps = await sql<Step[]>`
    select a.action, a.subject_type as scope, a.subject_id as scope_id, a.user_id, o.portfolio_id, o.account_id,
      case when not o.is_paper_trade then o.trader_id end as live_trader_id
    from public.audit_log a
    left join public.orders o on a.subject_type = 'order' and o.id::text = a.subject_id
    where a.action in ('trading_reducing', 'trading_halted', 'trading_resumed')
      or (a.action = 'order_submitting' and a.detail ->> 'role' = 'entry')
    order by a.id`;
  const stopped = new Set<string>();
  let permits = 0;
  for (const { action, scope, scope_id, ...permit } of steps) {
    if (action === "trading_resumed") stopped.delete(`${scope}:${scope_id}`);
    else if (action !== "order_submitting") stopped.add(`${scope}:${scope_id}`);
    else {
      permits++;
      const over = [
        `system:${SYSTEM}`,
        `user:${permit.user_id}`,
        `portfolio:${permit.portfolio_id}`,
        `account:${permit.account_id}`,
        `trader:${permit.live_trader_id}`,
      ];
      assert.deepEqual(over.filter((one) => stopped.has(one)), [], `order ${scope_id} got a permit`);
    }
  }
  return { permits, changes: steps.length - permits };
}
