/**
 * Market time in lockstep: set the clock, apply a tick, wait until no job is due, next tick. What happens then depends
 * on the market and the decisions alone, not on how fast or how many workers run.
 */
import type { Sql } from "postgres";
import { quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import type { Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";

/** A step that is not done after this long has lost its worker for good. */
const STEP_DEADLINE_MS = 60_000;
const POLL_MS = 1;
/** Silence after which the worker is rung again, as the sweep would do. */
const RING_AFTER_MS = 250;

/** What moves a demo's market on, step by step. */
export interface MarketClock {
  /** Market time of the last step, ms since the epoch. */
  readonly now: number;
  /** Applies a tick and waits for everything it causes. */
  tick(tick: Tick): Promise<void>;
  /** Waits until no job is due or running. */
  settle(): Promise<void>;
}

/** Drives a stack's market time. */
export class Lockstep implements MarketClock {
  #now = 0;
  readonly #worker: WorkerBell;

  constructor(private readonly stack: ThrowawayStack, workers: number) {
    this.#worker = new WorkerBell(stack, workers);
  }

  /** Market time of the last step, ms since the epoch. */
  get now(): number {
    return this.#now;
  }

  /** Applies a tick at its market time and waits for everything it causes. */
  async tick({ at, quotes }: Tick): Promise<void> {
    this.#now = at;
    const time = new Date(at).toISOString();
    const rows = quotes.map(quoteRow);
    const { sql } = this.stack;
    const [row] = await sql`
      select trading.set_clock(${time}), trading.apply_prices(${sql.json(rows as never)}, ${time}),
        trading.has_due_jobs(${time}) as due`;
    if (row?.["due"]) await this.settle();
  }

  async settle(): Promise<void> {
    await this.#worker.untilIdle();
  }
}

/** Waits for the workers, and rings them when they are silent. */
export class WorkerBell {
  constructor(private readonly stack: ThrowawayStack, private readonly workers: number) {}

  /** Resolves when no job is due or running. */
  async untilIdle(): Promise<void> {
    const startedAt = performance.now();
    if (this.workers > 1) await this.#ring();
    let rungAt = startedAt;
    while (await hasWork(this.stack.sql)) {
      const now = performance.now();
      if (now - startedAt > STEP_DEADLINE_MS) {
        throw new Error(`jobs were still due after ${STEP_DEADLINE_MS} ms`);
      }
      if (now - rungAt > RING_AFTER_MS) {
        rungAt = now;
        await this.#ring();
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #ring(): Promise<void> {
    const rings = Array.from({ length: this.workers }, async () => {
      const response = await fetch(`${this.stack.url}/functions/v1/execute-trade`, {
        method: "POST",
        headers: { apikey: this.stack.secretKey },
      });
      const answer = await response.text();
      if (response.status !== 202) throw new Error(`execute-trade answered ${response.status}: ${answer}`);
    });
    await Promise.all(rings);
  }
}

/** One statement and so one snapshot: a job on its way from queued to running must not be missed between two looks. */
async function hasWork(sql: Sql): Promise<boolean> {
  const [row] = await sql`
    select exists (
      select from trading.jobs
      where status = 'running' or (status = 'queued' and due_at <= (select trading.engine_now()))) as busy`;
  return row?.["busy"] === true;
}
