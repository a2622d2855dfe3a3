/** A thousand decisions in one statement, for many users and for one, and what an entry costs. */
import postgres from "postgres";
import { type BenchRun, untilQuiet } from "./bench_run.ts";
import { decideAtOnce, draftDecisions, type Employer, hire } from "./desk.ts";
import { type CpuTimes, readCpuTimes } from "./machine.ts";
import { atLeast, atMost, type BenchResult, measured, unmeasured } from "./result.ts";
import { Subscribers } from "./subscribers.ts";
import { measureTransactions } from "./transactions.ts";

const DECISIONS = 1_000;
const OPEN_TIMEOUT_MS = 120_000;

/** What a burst took. */
interface Burst {
  /** From the statement's start to its acknowledged commit. */
  readonly statementMs: number;
  /** From the acknowledged commit to the last position seen open. */
  readonly openMs: number;
  /** Signals without exactly one open position, and counts of books that are not zero. */
  readonly lost: number;
  readonly twice: number;
  readonly bookErrors: number;
  /** Time in `trading.execute_job` summed over all lanes, waits for a processor included, commits not. */
  readonly engineMs: number;
  readonly cpu: CpuTimes | null;
}

/** 50 traders of 10 users, then 50 traders of one, and the yardstick: what this server's disk and processors allow. */
export async function measureBurst(run: BenchRun): Promise<BenchResult[]> {
  const spread = await burst(run, await hire(run.stack.sql, "burst", 10, 5));
  run.log(`  10 users: ${Math.round(spread.openMs)} ms`);
  const single = await burst(run, await hire(run.stack.sql, "single", 1, 50));
  run.log(`  one user: ${Math.round(single.openMs)} ms`);
  const transactions = await measureTransactions(run.stack);
  const entries = DECISIONS * 1_000 / spread.openMs;
  return [
    measured("burst_1000_to_all_open", spread.openMs / 1_000, "s", atMost(5)),
    measured("burst_1000_lost", spread.lost + single.lost, "signals", atMost(0)),
    measured("burst_1000_twice", spread.twice + single.twice, "signals", atMost(0)),
    measured("burst_1000_book_errors", spread.bookErrors + single.bookErrors, "rows", atMost(0)),
    measured("burst_1000_statement", spread.statementMs, "ms"),
    measured("burst_1000_one_user_to_all_open", single.openMs / 1_000, "s"),
    measured("paper_entries", entries, "entries/s"),
    measured("pgbench_n_transactions", transactions.simpleUpdate, "transactions/s"),
    measured("paper_entries_share", entries * 100 / transactions.simpleUpdate, "%", atLeast(4)),
    measured("one_row_updates", transactions.oneRowUpdate, "transactions/s"),
    measured("paper_entries_share_of_one_row_updates", entries * 100 / transactions.oneRowUpdate, "%"),
    measured("entry_engine_elapsed", spread.engineMs / DECISIONS, "ms/entry"),
    ...cpuRows(spread.cpu),
  ];
}

async function burst(run: BenchRun, employers: readonly Employer[]): Promise<Burst> {
  const { stack, backend } = run;
  const subscribers = await Subscribers.join(stack, employers.map(({ user }) => user));
  try {
    const drafts = await draftDecisions(stack.sql, employers, DECISIONS);
    const ids = drafts.map(({ signalId }) => signalId);
    await untilQuiet(stack.sql);
    await resetStatements(run);
    const cpuBefore = await cpuOf(run);
    const sentAt = performance.now();
    await decideAtOnce(backend, drafts);
    const committedAt = performance.now();
    const openAt = await subscribers.open(ids, OPEN_TIMEOUT_MS);
    const cpuAfter = await cpuOf(run);
    const engineMs = await engineTime(run);
    await untilQuiet(stack.sql);
    return {
      statementMs: committedAt - sentAt,
      openMs: openAt.reduce((latest, at) => Math.max(latest, at), 0) - committedAt,
      ...await positionsOf(run, ids),
      bookErrors: await bookErrors(run),
      engineMs,
      cpu: cpuBefore && cpuAfter ? difference(cpuBefore, cpuAfter) : null,
    };
  } finally {
    await subscribers.leave();
  }
}

async function positionsOf(
  { stack }: BenchRun,
  signalIds: readonly string[],
): Promise<{ lost: number; twice: number }> {
  const [row] = await stack.sql<{ lost: number; twice: number }[]>`
    select count(*) filter (where p.count = 0)::int as lost, count(*) filter (where p.count > 1)::int as twice
    from unnest(${signalIds as string[]}::uuid[]) as s (id)
    cross join lateral (
      select count(*) from public.positions p where p.signal_id = s.id and p.status = 'open'
    ) p`;
  return row!;
}

async function bookErrors({ stack }: BenchRun): Promise<number> {
  const [row] = await stack.sql<{ books: Record<string, number> }[]>`select trading.check_books() as books`;
  return Object.values(row!.books).reduce((sum, count) => sum + count, 0);
}

/** The statistics are the server's: only its superuser may start them anew. */
async function resetStatements({ stack }: BenchRun): Promise<void> {
  const admin = postgres(stack.database.adminUrl, { max: 1, onnotice: () => {} });
  await admin`select extensions.pg_stat_statements_reset()`;
  await admin.end();
}

async function engineTime({ stack }: BenchRun): Promise<number> {
  const [row] = await stack.sql<{ ms: number }[]>`
    select coalesce(sum(total_exec_time), 0)::float8 as ms from extensions.pg_stat_statements where query like '%execute_job%'`;
  return row!.ms;
}

function cpuOf({ stack }: BenchRun): Promise<CpuTimes | null> {
  return readCpuTimes(stack.sql, stack.gateway.functions?.pids("execute-trade") ?? []);
}

function difference(before: CpuTimes, after: CpuTimes): CpuTimes {
  return {
    database: after.database - before.database,
    main: after.main - before.main,
    worker: after.worker - before.worker,
  };
}

function cpuRows(cpu: CpuTimes | null): BenchResult[] {
  return (["database", "main", "worker"] as const).map((part) => {
    const name = `entry_cpu_${part}`;
    return cpu ? measured(name, cpu[part] / DECISIONS, "ms/entry") : unmeasured(name, "ms/entry");
  });
}
