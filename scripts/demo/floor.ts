/** The demo's desk: who trades, and how everything is closed at the end. */
import type { Sql } from "postgres";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { asService, hireTrader, hireUser, type TraderSettings } from "../lib/desk.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import type { MarketClock } from "./lockstep.ts";
import { type ScannedTrader, seededId } from "./scanner.ts";

/** An exit may need several looks at the book; after this many the market is taken for dead. */
const FLATTEN_ROUNDS = 200;
const FLATTEN_STEP_MS = 30_000;
const USERS = 2;
const TRADERS_PER_USER = 2;

/** Two users with two traders each: one quick at market by risk, one patient with limits. */
export async function hireDesk(stack: ThrowawayStack, seed: number): Promise<ScannedTrader[]> {
  const traders: ScannedTrader[] = [];
  for (let u = 0; u < USERS; u++) {
    const user = await hireUser(stack.sql, `demo-${u}@example.com`);
    for (let t = 0; t < TRADERS_PER_USER; t++) {
      const usesLimits = t === 1;
      const id = seededId(seed, "trader", u, t);
      const settings: TraderSettings = usesLimits
        ? { entry_order_type: "limit", entry_timeout_seconds: 900, paper_trade_balance: 100_000 }
        : { sizing_method: "risk_percent", sizing_value: 0.2, paper_trade_balance: 100_000 };
      const limits = { max_position_quote: 500, max_exposure_quote: 50_000, max_open_positions: 100 };
      await hireTrader(stack.sql, {
        id,
        userId: user.id,
        name: `${usesLimits ? "Patient" : "Quick"} ${u}`,
        settings,
        limits,
      });
      traders.push({ id, usesLimits });
    }
  }
  return traders;
}

/** Cancels what rests and closes what is open, looking at the book again until nothing is left. */
export async function flatten(
  stack: ThrowawayStack,
  clock: MarketClock,
  quotes: ReadonlyMap<string, Quote>,
): Promise<void> {
  const { sql } = stack;
  for (let round = 0; round < FLATTEN_ROUNDS; round++) {
    const open =
      await sql`select id from public.positions where status not in ('closed', 'failed') order by id`;
    if (open.length === 0) return;
    if (round === 0) {
      await closeAll(sql, open.map(({ id }) => id));
      await clock.settle();
    }
    const at = clock.now + FLATTEN_STEP_MS;
    const still = [...quotes.values()].map((quote) => ({
      ...quote,
      high: quote.last,
      low: quote.last,
      observedAt: at,
    }));
    await clock.tick({ at, quotes: still });
  }
  throw new Error(`positions were still open after ${FLATTEN_ROUNDS} looks at the book`);
}

/** Says of each position that its entry is not wanted any more and that what it holds is to be sold. */
export async function closeAll(sql: Sql, positionIds: readonly string[]): Promise<void> {
  await asService(sql, async (tx) => {
    for (const id of positionIds) {
      await tx`select public.cancel_entry(${id})`;
      await tx`select public.close_position(${id}, p_request_id => ${id})`;
    }
  });
}
