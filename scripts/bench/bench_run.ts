/** What the rows of one run share. */
import postgres from "postgres";
import { startThrowawayStack, type ThrowawayStack } from "../lib/throwaway_stack.ts";
import { listSymbols, startFeed, SYMBOL_COUNT } from "./desk.ts";

/** A stack with a market, and the connections of those who write decisions. */
export interface BenchRun {
  readonly stack: ThrowawayStack;
  /** The AI's backend: sessions of its own, apart from everything the stack itself uses. */
  readonly backend: postgres.Sql;
  /** Says what goes on, one line on standard error. */
  readonly log: (line: string) => void;
}

const BACKEND_CONNECTIONS = 4;
const CLOSE_TIMEOUT_S = 2;

/** Starts a durable stack with a running feed, hands it to `use`, and ends everything. */
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

/** The stack's lines are many; only those that tell of trouble belong into a report. */
function troubleOf(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (/"level":"(warning|error)"|PANIC|killed/.test(line)) log(`  stack: ${line}`);
  };
}
