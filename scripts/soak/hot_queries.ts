/**
 * How long the engine's hot commands take on average, from the database's own statistics: `pg_stat_statements` for what
 * is called from outside, the statistics of functions for the evaluation of risk, which runs inside an entry.
 */
import postgres from "postgres";
import { atMost, type BenchResult, measured, unmeasured } from "../bench/result.ts";

/** Commands that run all the time, in the order of an entry's way. */
const COMMANDS = ["claim_jobs", "execute_job", "answer_call", "apply_prices", "sweep"] as const;
/** Facts and rules of one entry. */
const RISK_EVALUATION = "assess_entry";
const MEAN_TARGET = atMost(10);
const CLOSE_TIMEOUT_S = 2;

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

  /** Sums since `begin`: each command without its commit, and the evaluation of risk. */
  async read(): Promise<Tally[]> {
    const statements = await Promise.all(
      COMMANDS.map((name) => this.#statements(name, `\\m"?trading"?\\."?${name}"?\\(`)),
    );
    const [risk] = await this.#admin<Tally[]>`
      select ${RISK_EVALUATION} as name, coalesce(sum(calls), 0)::float8 as calls, coalesce(sum(total_time), 0)::float8 as "totalMs"
      from pg_stat_user_functions where schemaname = 'trading' and funcname = ${RISK_EVALUATION}`;
    return [...statements, risk!];
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

/** A row for each mean. */
export function hotQueryRows(tallies: readonly Tally[]): BenchResult[] {
  return tallies.map(({ name, calls, totalMs }) => {
    const row = `real_${name}_mean`;
    return calls === 0
      ? unmeasured(row, "ms", MEAN_TARGET)
      : measured(row, totalMs / calls, "ms", MEAN_TARGET);
  });
}
