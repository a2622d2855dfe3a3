/**
 * Every mood of the market, and the moments that break naive books: an exact break-even, a position closed in the tick
 * that opened it, and a database and a worker that die with positions open.
 */
import { join } from "node:path";
import { regimeAt, type RegimeKind } from "../../supabase/functions/_shared/domain/market/regimes.ts";
import {
  syntheticInstruments,
  syntheticTicks,
} from "../../supabase/functions/_shared/domain/market/synthetic.ts";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import { asService, decide, hireTrader, hireUser, listInstruments } from "../lib/desk.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import { flatten, hireDesk } from "./floor.ts";
import { Lockstep } from "./lockstep.ts";
import type { MainRun } from "./main_scenario.ts";
import { decisionAt, type ScannedTrader, seededId } from "./scanner.ts";

/** The moods that get decisions; gaps come by themselves at the change of a mood. */
const MOODS: readonly RegimeKind[] = ["trend", "range", "volatile", "wide", "tight"];
const SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "ADAUSDT", "DOGEUSDT"];
const START_AT = Date.UTC(2024, 0, 1);
const PERIOD_MS = 5_000;
const STEPS = 2_400;
const DECIDE_UNTIL = 0.9;
const RECOVERY_DEADLINE_MS = 30_000;
const RECOVERY_POLL_MS = 100;

/** What the scenario has to show beyond the common result; all of it must hold. */
export interface RegimeFacts {
  /** Positions opened per mood. */
  readonly opened_in: Readonly<Record<string, number>>;
  readonly break_even_pnl: string;
  readonly closed_at_once: boolean;
  /** Open positions before the deaths, and how many of them were there and protected afterwards. */
  readonly open_before_restart: number;
  readonly open_after_restart: number;
}

/** Whether the facts are what the scenario promises. */
export function holds(facts: RegimeFacts): boolean {
  return MOODS.every((mood) => (facts.opened_in[mood] ?? 0) > 0) && facts.break_even_pnl === "0" &&
    facts.closed_at_once && facts.open_before_restart > 0 &&
    facts.open_after_restart === facts.open_before_restart;
}

/** Runs the scenario on a fresh stack. The market is synthetic, whatever the run's option says. */
export async function runRegimes(
  stack: ThrowawayStack,
  run: MainRun,
): Promise<{ market: string; facts: RegimeFacts }> {
  await listInstruments(stack.sql, syntheticInstruments(SYMBOLS));
  const traders = await hireDesk(stack, run.seed);
  const clock = new Lockstep(stack, run.workers);
  const quotes = new Map<string, Quote>();
  const moodOf = new Map<string, RegimeKind>();
  const ticks = syntheticTicks({
    seed: run.seed,
    symbols: SYMBOLS,
    startAt: START_AT,
    periodMs: PERIOD_MS,
    steps: STEPS,
  });
  let step = 0;
  let restart = { before: 0, after: 0 };
  for (const tick of ticks) {
    await clock.tick(tick);
    for (const quote of tick.quotes) quotes.set(quote.symbol, quote);
    await decideInMood(stack, run, { step, traders, quotes: tick.quotes, moodOf });
    await clock.settle();
    const isMidway = step >= STEPS / 2 && restart.before === 0;
    if (isMidway && await countOpen(stack) > 0) restart = await dieAndRecover(stack);
    if (step % 100 === 0) run.progress(step, STEPS, moodOf.size);
    step++;
  }
  const closedAtOnce = await closeAtOnce(stack, clock, run, traders, quotes);
  const breakEven = await breakEvenExactly(stack, clock, run.seed, quotes);
  await flatten(stack, clock, quotes);
  return {
    market: `Synthetic prices of ${SYMBOLS.length} symbols, seed ${run.seed}, every mood.`,
    facts: {
      opened_in: await countByMood(stack, moodOf),
      break_even_pnl: breakEven,
      closed_at_once: closedAtOnce,
      open_before_restart: restart.before,
      open_after_restart: restart.after,
    },
  };
}

interface MoodStep {
  readonly step: number;
  readonly traders: readonly ScannedTrader[];
  readonly quotes: readonly Quote[];
  readonly moodOf: Map<string, RegimeKind>;
}

/** The next decision is made when a symbol is in the mood whose turn it is, and not before its time. */
async function decideInMood(stack: ThrowawayStack, run: MainRun, at: MoodStep): Promise<void> {
  const n = at.moodOf.size;
  if (n >= run.signals || at.step < n / run.signals * STEPS * DECIDE_UNTIL) return;
  const mood = MOODS[n % MOODS.length]!;
  const fitting = at.quotes.filter(({ symbol }) => regimeAt(run.seed, symbol, at.step).regime.kind === mood);
  if (fitting.length === 0) return;
  const decision = decisionAt(run.seed, n, at.traders, fitting);
  await decide(stack.sql, [decision]);
  at.moodOf.set(decision.signalId, mood);
}

/** Kills the database and the worker with SIGKILL and waits until commands are answered again. */
async function dieAndRecover(stack: ThrowawayStack): Promise<{ before: number; after: number }> {
  const before = await countOpen(stack);
  for (const pid of stack.gateway.functions?.pids("execute-trade") ?? []) Deno.kill(pid, "SIGKILL");
  const pidFile = await Deno.readTextFile(join(stack.dataDir, "postgres", "cluster", "postmaster.pid"));
  Deno.kill(parseInt(pidFile, 10), "SIGKILL");
  await recovered(stack);
  const [left] = await stack.sql`
    select count(*)::int as count from public.positions p join trading.engine_stops s on s.position_id = p.id
    where p.status in ('open', 'monitoring', 'closing')`;
  return { before, after: left?.["count"] };
}

/** Waits until the database and the API in front of it answer again. */
async function recovered(stack: ThrowawayStack): Promise<void> {
  const deadline = performance.now() + RECOVERY_DEADLINE_MS;
  while (performance.now() < deadline) {
    const isBack = await stack.sql`select 1`.then(() => true, () => false);
    const { error } = await stack.service.schema("trading").rpc("has_due_jobs");
    if (isBack && !error) return;
    await new Promise((resolve) => setTimeout(resolve, RECOVERY_POLL_MS));
  }
  throw new Error(`the stack did not recover within ${RECOVERY_DEADLINE_MS} ms`);
}

async function countOpen(stack: ThrowawayStack): Promise<number> {
  const [row] = await stack.sql`
    select count(*)::int as count from public.positions where status in ('open', 'monitoring', 'closing')`;
  return row?.["count"];
}

/** Opens a position and closes it in the same moment of market time. */
async function closeAtOnce(
  stack: ThrowawayStack,
  clock: Lockstep,
  run: MainRun,
  traders: readonly ScannedTrader[],
  quotes: ReadonlyMap<string, Quote>,
): Promise<boolean> {
  const quick = traders.filter(({ usesLimits }) => !usesLimits);
  const decision = decisionAt(run.seed, -1, quick, [quotes.get("BTCUSDT")!]);
  await clock.tick({
    at: clock.now + 1_000,
    quotes: [{ ...quotes.get("BTCUSDT")!, observedAt: clock.now + 1_000 }],
  });
  await decide(stack.sql, [decision]);
  await clock.settle();
  const [open] = await stack.sql`select id from public.positions where signal_id = ${decision.signalId}`;
  await asService(
    stack.sql,
    (tx) => tx`select public.close_position(${open!["id"]}, p_request_id => ${open!["id"]})`,
  );
  await clock.settle();
  const [row] = await stack.sql`
    select status = 'closed' and opened_at = closed_at as at_once from public.positions where id = ${
    open!["id"]
  }`;
  return row?.["at_once"] === true;
}

/** Buys and sells at one price without fees or slippage: the result must be zero to the last decimal. */
async function breakEvenExactly(
  stack: ThrowawayStack,
  clock: Lockstep,
  seed: number,
  quotes: Map<string, Quote>,
): Promise<string> {
  const { sql } = stack;
  const [profile] = await sql`
    select paper_taker_fee, paper_maker_fee, paper_slippage_max from trading.settings`;
  await sql`update trading.settings set paper_taker_fee = 0, paper_maker_fee = 0, paper_slippage_max = 0`;
  const user = await hireUser(sql, "even@example.com");
  const traderId = seededId(seed, "even");
  await hireTrader(sql, { id: traderId, userId: user.id, name: "Even", settings: { sizing_value: 100 } });
  const { depth: _, ...old } = quotes.get("ETHUSDT")!;
  const flat = {
    ...old,
    bid: old.last,
    ask: old.last,
    high: old.last,
    low: old.last,
    observedAt: clock.now + 1_000,
  };
  quotes.set("ETHUSDT", flat);
  await clock.tick({ at: flat.observedAt, quotes: [flat] });
  const decision = decisionAt(seed, -2, [{ id: traderId, usesLimits: false }], [flat]);
  await decide(sql, [decision]);
  await clock.settle();
  const [open] = await sql`select id from public.positions where signal_id = ${decision.signalId}`;
  await asService(
    sql,
    (tx) => tx`select public.close_position(${open!["id"]}, p_request_id => ${open!["id"]})`,
  );
  await clock.settle();
  await sql`update trading.settings set ${sql(profile!)}`;
  const [row] = await sql`select trim_scale(realized_pnl)::text as pnl from public.positions where id = ${
    open!["id"]
  }`;
  return row?.["pnl"];
}

async function countByMood(
  stack: ThrowawayStack,
  moodOf: ReadonlyMap<string, RegimeKind>,
): Promise<Record<string, number>> {
  const rows = await stack.sql`select signal_id from public.positions where opened_at is not null`;
  const counts: Record<string, number> = {};
  for (const { signal_id: id } of rows) {
    const mood = moodOf.get(id);
    if (mood) counts[mood] = (counts[mood] ?? 0) + 1;
  }
  return counts;
}
