/** What the rows of one run share. */
import postgres from "postgres";
import { startThrowawayStack, type ThrowawayStack } from "../lib/throwaway_stack.ts";
import { decideAtOnce, draftDecisions, hire, listSymbols, startFeed, SYMBOL_COUNT } from "./desk.ts";

/** A stack with a market, and the connections of those who write decisions. */
export interface BenchRun {
  readonly stack: ThrowawayStack;
  /** The AI's backend: sessions of its own, apart from everything the stack itself uses. */
  readonly backend: postgres.Sql;
  /** Says what goes on, one line on standard error. */
  readonly log: (line: string) => void;
}

/**
 * Entries before the first measurement: every connection of the Data API compiles the engine's functions and plans its
 * statements once, and a row that is run alone must not pay for what in a whole run the rows before it have paid.
 */
const WARM_UP = { users: 10, tradersEach: 5, decisions: 200 };
/** Default of `trading.settings.listen_ms`. */
export const LISTEN_MS = 60_000;
const QUIET_TIMEOUT_MS = 120_000;
const QUIET_POLL_MS = 20;
const BACKEND_CONNECTIONS = 4;
const CLOSE_TIMEOUT_S = 2;

/** Starts a durable stack with a running feed, warms it up, hands it to `use`, and ends everything. */
export async function withStack<T>(
  log: (line: string) => void,
  use: (run: BenchRun) => Promise<T>,
): Promise<T> {
  const stack = await startThrowawayStack({ durability: "full", log: troubleOf(log) });
  const backend = postgres(stack.database.url, { max: BACKEND_CONNECTIONS, onnotice: () => {} });
  try {
    await listSymbols(stack.sql, SYMBOL_COUNT);
    const feed = await startFeed(stack.sql);
    try {
      await warmUp(stack.sql);
      return await use({ stack, backend, log });
    } finally {
      await feed.stop();
    }
  } finally {
    await backend.end({ timeout: CLOSE_TIMEOUT_S });
    await stack.stop();
  }
}

/** Changes settings of the engine, as its operator would. */
export async function changeSettings(
  sql: postgres.Sql,
  settings: Readonly<Record<string, number | boolean>>,
): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local role fillbase_engine`;
    await tx`update trading.settings set ${tx(settings)}`;
  });
}

/** Waits until no job is queued or running. */
export async function untilQuiet(sql: postgres.Sql): Promise<void> {
  const until = performance.now() + QUIET_TIMEOUT_MS;
  for (;;) {
    const [row] = await sql<{ busy: boolean }[]>`
      select exists (select from trading.jobs where status in ('queued', 'running') and due_at <= now()) as busy`;
    if (!row?.busy) return;
    if (performance.now() > until) throw new Error(`jobs are still due after ${QUIET_TIMEOUT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, QUIET_POLL_MS));
  }
}

/** Leaves no worker awake: the first row measures what the doorbell costs when nobody listens. */
async function warmUp(sql: postgres.Sql): Promise<void> {
  const employers = await hire(sql, "warm", WARM_UP.users, WARM_UP.tradersEach);
  await changeSettings(sql, { listen_ms: 0 });
  await decideAtOnce(sql, await draftDecisions(sql, employers, WARM_UP.decisions));
  await untilQuiet(sql);
  await changeSettings(sql, { listen_ms: LISTEN_MS });
}

/** The stack's lines are many; only those that tell of trouble belong into a report. */
function troubleOf(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (/"level":"(warning|error)"|PANIC|killed/.test(line)) log(`  stack: ${line}`);
  };
}
