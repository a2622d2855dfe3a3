/** A migrated database with many real connections, and workers that drain its queue as the Edge Function does. */
import postgres, { type Sql } from "postgres";
import {
  applyTick,
  asService,
  type DeskUser,
  hireTrader,
  hireUser,
  type Limits,
  listInstruments,
  type TraderSettings,
} from "../../scripts/lib/desk.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import { assertBooks } from "../harness/books.ts";
import { cloneDatabase, type TestDatabase } from "../harness/database.ts";
import { type Market, quoteOf } from "../integration/floor.ts";

/** A claimed job as `trading.claim_jobs` answers it. */
export interface ClaimedJob {
  readonly id: number;
  readonly kind: string;
  readonly fence: number;
  readonly portfolio_id: string;
  readonly signal_id: string | null;
}

/** SQLSTATE and message of a refused command. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

const URL_OF_TEST = "http://yard.test";
const SECRET = "a secret that arms the yard's engine";
const CONNECTIONS = 24;
/** A crew that found nothing to do looks again after this; a busy queue is drained without a pause. */
const LOOK_EVERY_MS = 5;
/** Errors that workers meet and that pass by themselves: lock time-out, a lost lease, a halt that came in between. */
const COMPETITION = ["55P03", "FB409", "FB423"];

/** Opens a yard with prices that stay fresh and without slippage. Close it with `close`. */
export async function openYard(label: string): Promise<Yard> {
  const database = await cloneDatabase(label);
  const sql = postgres(database.url, { max: CONNECTIONS, onnotice: () => {} });
  const yard = new Yard(database, sql);
  await sql`update trading.settings set max_price_age_ms = 3600000, paper_slippage_max = 0`;
  await sql`select trading.arm_installation(${URL_OF_TEST}, ${SECRET}, 'test')`;
  await listInstruments(sql, [instrumentFor("BTCUSDT"), instrumentFor("ETHUSDT")]);
  await yard.price("BTCUSDT", { bid: "50000", ask: "50001" });
  await yard.price("ETHUSDT", { bid: "3000", ask: "3001" });
  return yard;
}

/** See {@link openYard}. */
export class Yard {
  #quoteAt = Date.now();
  #users = 0;

  constructor(readonly database: TestDatabase, readonly sql: Sql) {}

  user(): Promise<DeskUser> {
    return hireUser(this.sql, `user${++this.#users}@yard.test`);
  }

  trader(userId: string, settings: TraderSettings = {}, limits?: Limits): Promise<string> {
    return hireTrader(this.sql, { userId, name: "yard", settings, ...(limits ? { limits } : {}) });
  }

  /** A tick of one symbol; each is later than the one before it. */
  async price(symbol: string, market: Market): Promise<void> {
    this.#quoteAt = Math.max(this.#quoteAt + 1, Date.now());
    await applyTick(this.sql, [quoteOf(symbol, market, this.#quoteAt)]);
  }

  /** Signals of a trader without a decision. */
  async signals(traderId: string, count: number, symbol = "BTCUSDT"): Promise<string[]> {
    const rows = Array.from(
      { length: count },
      () => ({ id: crypto.randomUUID(), trader_id: traderId, symbol }),
    );
    await this.sql`insert into public.signals ${this.sql(rows)}`;
    return rows.map(({ id }) => id);
  }

  /** One `enter_trade` on a signal, in a commit and on a connection of its own. */
  async decide(traderId: string, signalId: string, levels: object = { stopLoss: 49000 }): Promise<void> {
    await this.sql`insert into public.signal_analyses (signal_id, trader_id, decision, confidence, key_levels)
      values (${signalId}, ${traderId}, 'enter_trade', 80, ${this.sql.json(levels as never)})`;
  }

  /** A command as the service role would call it. */
  command(text: string, args: readonly (string | null)[]): Promise<void> {
    return asService(this.sql, (tx) => tx.unsafe(text, [...args]));
  }

  async claim(worker: string, limit: number): Promise<ClaimedJob[]> {
    const [row] = await this.sql`
      select trading.claim_jobs(${worker}, ${limit}, ${URL_OF_TEST}, ${SECRET}) -> 'jobs' as jobs`;
    return row!["jobs"];
  }

  /** Executes a claimed job; `nextFor` lets the command go on with the portfolio's next entries. */
  async execute(
    job: ClaimedJob,
    nextFor: string | null = null,
  ): Promise<{ outcome: string; next: ClaimedJob | null }> {
    const [row] = await this.sql`select trading.execute_job(${job.id}, ${job.fence}, ${nextFor}) as answer`;
    return row!["answer"];
  }

  async fail(job: ClaimedJob, error: Refusal): Promise<string> {
    const [row] = await this.sql`
      select trading.fail_job(${job.id}, ${job.fence}, ${error.code}, ${error.message}) as answer`;
    return row!["answer"];
  }

  /** Drains the queue as one worker until nothing is due; errors that are not of competition are thrown. */
  async work(worker: string): Promise<void> {
    for (;;) {
      const jobs = await this.claim(worker, 3);
      if (jobs.length === 0) return;
      await allDone(jobs.map((job) => this.#follow(worker, job)));
    }
  }

  async #follow(worker: string, first: ClaimedJob): Promise<void> {
    for (let job: ClaimedJob | null = first; job;) {
      try {
        job = (await this.execute(job, worker)).next;
      } catch (error) {
        const refusal = error as Refusal;
        if (!COMPETITION.includes(refusal.code)) throw error;
        if (refusal.code !== "FB409") await this.fail(job!, refusal);
        return;
      }
    }
  }

  /** Several workers at once, again and again until `until` says so and nothing is left that is due or waits a moment. */
  async crew(workers: number, until: Promise<unknown> = Promise.resolve()): Promise<void> {
    let isOver = false;
    const over = until.finally(() => isOver = true);
    try {
      do {
        await allDone(Array.from({ length: workers }, (_, n) => this.work(`worker-${n}`)));
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
      } while (!isOver || await this.#hasWork());
    } finally {
      await over;
    }
  }

  async #hasWork(): Promise<boolean> {
    const [row] = await this.sql`select exists (
      select from trading.jobs where status in ('queued', 'running') and due_at < clock_timestamp() + interval '5 seconds') as has`;
    return row!["has"];
  }

  /** Fails unless every book is zero. */
  assertBooks(): Promise<void> {
    return assertBooks(this.sql);
  }

  async close(): Promise<void> {
    await this.sql.end({ timeout: 2 });
    await this.database.drop();
  }
}

/** Runs a body on a yard of its own. */
export async function withYard(label: string, body: (yard: Yard) => Promise<void>): Promise<void> {
  const yard = await openYard(label);
  try {
    await body(yard);
  } finally {
    await yard.close();
  }
}

/** Waits for all of them, and only then fails with the first failure, so that nothing goes on behind a test's back. */
export async function allDone(work: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
}
