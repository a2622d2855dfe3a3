/**
 * How long the engine's hot commands take on average, from the database's own statistics: `pg_stat_statements` for what
 * is called from outside, the statistics of functions for what runs inside another statement. Both include waiting for
 * locks, and what a session compiles and plans at its first calls.
 */
import postgres from "postgres";
import { atMost, type BenchResult, measured, unmeasured } from "../bench/result.ts";
import { pause } from "./timed_loop.ts";

/** Commands that run all the time, in the order of an entry's way. */
const COMMANDS = ["claim_jobs", "execute_job", "answer_call", "apply_prices"] as const;
/** The sweep, inside the run of its schedule; facts and rules of one entry. */
const INNER_COMMANDS = ["sweep", "assess_entry"] as const;
/** One wait for a portfolio's lock; the commands above include theirs. */
const LOCK_WAIT = "lock_portfolio";
const MEAN_TARGET = atMost(10);
const CLOSE_TIMEOUT_S = 2;
const SWEEPER_POLL_MS = 100;
/** A sweep, and the pause after it. */
const SWEEPER_END_TIMEOUT_MS = 30_000;

/** How often something ran, and how long all of it took (ms). */
export interface Tally {
  readonly name: string;
  readonly calls: number;
  readonly totalMs: number;
}

/** The server's statistics; they are its superuser's to read and to begin anew. */
export class HotQueries {
  readonly #admin: postgres.Sql;

  constructor(adminUrl: string) {
    this.#admin = postgres(adminUrl, { max: 1, onnotice: () => {} });
  }

  /** Forgets what was, and counts functions in all sessions from now on. */
  async begin(): Promise<void> {
    await this.#admin`alter system set track_functions = 'pl'`;
    await this.#admin`select pg_reload_conf()`;
    await this.#admin`select pg_stat_reset()`;
    await this.#admin`select extensions.pg_stat_statements_reset()`;
  }

  /** Sums since `begin`, each command without its commit. */
  async read(): Promise<Tally[]> {
    await this.#endSweeper();
    return await Promise.all([
      ...COMMANDS.map((name) => this.#statements(name, `\\m"?trading"?\\."?${name}"?\\(`)),
      ...[...INNER_COMMANDS, LOCK_WAIT].map((name) => this.#functions(name)),
    ]);
  }

  /** A session tells its statistics of functions when its statement is over: the run of the schedule makes room for the next one. */
  async #endSweeper(): Promise<void> {
    const until = performance.now() + SWEEPER_END_TIMEOUT_MS;
    await this.#setSweepActive(false);
    try {
      for (let isRunning = true; isRunning;) {
        if (performance.now() > until) {
          throw new Error("the schedule's sweep did not end when it was told to");
        }
        await pause(SWEEPER_POLL_MS, AbortSignal.timeout(SWEEPER_END_TIMEOUT_MS));
        const rows = await this.#admin`
          select from pg_stat_activity where state <> 'idle' and query = (select command from cron.job where jobname = 'fillbase-sweep')`;
        isRunning = rows.length > 0;
      }
    } finally {
      await this.#setSweepActive(true);
    }
  }

  async #setSweepActive(isActive: boolean): Promise<void> {
    await this.#admin`update cron.job set active = ${isActive} where jobname = 'fillbase-sweep'`;
  }

  async #functions(name: string): Promise<Tally> {
    const [row] = await this.#admin<Tally[]>`
      select ${name} as name, coalesce(sum(calls), 0)::float8 as calls, coalesce(sum(total_time), 0)::float8 as "totalMs"
      from pg_stat_user_functions where schemaname = 'trading' and funcname = ${name}`;
    return row!;
  }

  async #statements(name: string, pattern: string): Promise<Tally> {
    const [row] = await this.#admin<Tally[]>`
      select ${name} as name, coalesce(sum(calls), 0)::float8 as calls, coalesce(sum(total_exec_time), 0)::float8 as "totalMs"
      from extensions.pg_stat_statements where query ~* ${pattern}`;
    return row!;
  }

  async close(): Promise<void> {
    await this.#admin.end({ timeout: CLOSE_TIMEOUT_S });
  }
}

/** A row for each mean; what waiting alone takes has no target of its own. */
export function hotQueryRows(tallies: readonly Tally[]): BenchResult[] {
  return tallies.map(({ name, calls, totalMs }) => {
    const row = `real_${name}_mean`;
    const target = name === LOCK_WAIT ? undefined : MEAN_TARGET;
    return calls === 0 ? unmeasured(row, "ms", target) : measured(row, totalMs / calls, "ms", target);
  });
}
