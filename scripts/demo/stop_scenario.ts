/**
 * The emergency stop under load: positions are open, limits rest and a burst of decisions is being executed when an
 * operator stops everyone and has everything closed. Runs on the wall clock, because its times are what it shows.
 */
import { decideAtOnce, draftDecisions, type Employer, hire, listSymbols, startFeed } from "../bench/desk.ts";
import { hireTrader } from "../lib/desk.ts";
import { Operator } from "../lib/operator.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import type { MainRun } from "./main_scenario.ts";

const SYMBOLS = 20;
const USERS = 5;
const TRADERS_EACH = 4;
const RESTING = 25;
/** The burst is this many times the positions that are open before it. */
const BURST_FACTOR = 5;
/** The stop comes while the burst is being executed. */
const INTO_THE_BURST_MS = 250;
const QUIET_TIMEOUT_MS = 120_000;
const POLL_MS = 20;
const PATIENT = { entry_order_type: "limit", paper_trade_balance: 1_000_000, sizing_value: 50 };
const LIMITS = { max_position_quote: 100, max_exposure_quote: 500_000, max_open_positions: 2_000 };

/** What the scenario has to show beyond the common result. */
export interface StopFacts {
  readonly call_to_halted_ms: number;
  readonly call_to_answer_ms: number;
  readonly halted_to_settled_ms: number;
  readonly call_to_last_close_ms: number;
  readonly permits_after_halt: number;
  readonly positions_closed: number;
  readonly entries_cancelled: number;
  /** Decisions that ended with `trading_not_active`; most were queued and have no verdict, which `denied` counts. */
  readonly decisions_denied: number;
  /** Positions that were opened by a decision after the resume. */
  readonly opened_after_resume: number;
}

/** Whether nothing left after the halt, everything was closed, and trading could be resumed. */
export function isStopRight(facts: StopFacts): boolean {
  return facts.permits_after_halt === 0 && facts.positions_closed > 0 &&
    facts.entries_cancelled === RESTING &&
    facts.decisions_denied > 0 && facts.opened_after_resume === 1;
}

/** Runs the scenario on a fresh stack; the market is a steady one, whatever the run's option says. */
export async function runStopAll(
  stack: ThrowawayStack,
  run: MainRun,
): Promise<{ market: string; facts: StopFacts }> {
  await listSymbols(stack.sql, SYMBOLS);
  const feed = await startFeed(stack.sql);
  const operator = await Operator.appoint(stack);
  try {
    const employers = await hire(stack.sql, "stop", USERS, TRADERS_EACH);
    await decide(stack, await patientOnes(stack, employers), RESTING);
    await decide(stack, employers, run.signals);
    await quiet(stack);
    run.log(
      `${run.signals} positions are open, ${RESTING} limits rest; ${
        run.signals * BURST_FACTOR
      } more are decided`,
    );
    await decide(stack, employers, run.signals * BURST_FACTOR);
    await sleep(INTO_THE_BURST_MS);
    const stopped = await operator.call();
    await quiet(stack);
    const counts = await countsOf(stack, stopped.stopId);
    await operator.resume();
    const openedAfter = await openAndStop(stack, operator, employers);
    const facts = {
      call_to_halted_ms: Math.round(stopped.haltedMs),
      call_to_answer_ms: Math.round(stopped.answeredMs),
      halted_to_settled_ms: Math.round(stopped.settledMs),
      call_to_last_close_ms: Math.round(stopped.flattenedMs),
      permits_after_halt: stopped.permitsAfter,
      ...counts,
      opened_after_resume: openedAfter,
    };
    return { market: `steady: ${SYMBOLS} symbols`, facts };
  } finally {
    operator.leave();
    await feed.stop();
  }
}

async function patientOnes(stack: ThrowawayStack, employers: readonly Employer[]): Promise<Employer[]> {
  return await Promise.all(employers.map(async ({ user }) => {
    const trader = { userId: user.id, name: "patient", settings: PATIENT, limits: LIMITS };
    return { user, traderIds: [await hireTrader(stack.sql, trader)] };
  }));
}

async function decide(stack: ThrowawayStack, employers: readonly Employer[], count: number): Promise<void> {
  await decideAtOnce(stack.sql, await draftDecisions(stack.sql, employers, count));
}

async function countsOf(stack: ThrowawayStack, stopId: string) {
  const [row] = await stack.sql`
    select (select count(*)::int from public.positions where exit_reason = 'trading_stopped' and status = 'closed') as positions_closed,
      (select count(*)::int from public.signals where rejection_code = 'trading_not_active') as decisions_denied,
      cancel_count as entries_cancelled
    from trading.stop_requests where id = ${stopId}`;
  const { positions_closed, entries_cancelled, decisions_denied } = row!;
  return { positions_closed, entries_cancelled, decisions_denied } as Pick<
    StopFacts,
    "positions_closed" | "entries_cancelled" | "decisions_denied"
  >;
}

/** Trading goes on after the resume; a second stop, by the database's command alone, leaves the desk closed again. */
async function openAndStop(
  stack: ThrowawayStack,
  operator: Operator,
  employers: readonly Employer[],
): Promise<number> {
  await decide(stack, employers, 1);
  await quiet(stack);
  const [row] = await stack.sql`select count(*)::int as open from public.positions where status = 'open'`;
  await operator.command();
  await operator.resume();
  await quiet(stack);
  return row!["open"];
}

async function quiet(stack: ThrowawayStack): Promise<void> {
  const until = performance.now() + QUIET_TIMEOUT_MS;
  for (;;) {
    const [row] = await stack.sql`
      select exists (select from trading.jobs where status in ('queued', 'running') and due_at <= clock_timestamp()) as busy`;
    if (!row!["busy"]) return;
    if (performance.now() > until) throw new Error(`jobs are still due after ${QUIET_TIMEOUT_MS} ms`);
    await sleep(POLL_MS);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
