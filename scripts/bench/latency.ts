/** How long a decision takes from its commit to a user's page, one at a time and under a steady stream. */
import { type BenchRun, changeSettings, LISTEN_MS } from "./bench_run.ts";
import { decideAtOnce, type DraftDecision, draftDecisions, hire } from "./desk.ts";
import { atMost, type BenchResult, measured, type Target } from "./result.ts";
import { percentile } from "./statistics.ts";
import { Subscribers } from "./subscribers.ts";

const SEEN_TIMEOUT_MS = 15_000;
const IDLE = { warmUp: 3, samples: 100, gapMs: 1_100, jitterMs: 400 };
const STEADY = { warmUp: 20, samples: 600, perSecond: 20, users: 10, tradersEach: 5 };

/** One decision at a time, further apart than the nap of the database's HTTP client; no worker is awake. */
export async function measureIdle(run: BenchRun): Promise<BenchResult[]> {
  const employers = await hire(run.stack.sql, "idle", 1, 5);
  const subscribers = await Subscribers.join(run.stack, employers.map(({ user }) => user));
  await changeSettings(run.stack.sql, { listen_ms: 0 });
  try {
    const drafts = await draftDecisions(run.stack.sql, employers, IDLE.warmUp + IDLE.samples);
    const samples: number[] = [];
    for (const [n, draft] of drafts.entries()) {
      await delay(IDLE.gapMs + Math.random() * IDLE.jitterMs);
      samples.push(await decideAndSee(run, subscribers, draft));
      if (n % 25 === 24) run.log(`  ${n + 1} of ${drafts.length} decisions`);
    }
    return latencyRows("idle", samples.slice(IDLE.warmUp), { p50: atMost(25), p95: atMost(60) });
  } finally {
    await changeSettings(run.stack.sql, { listen_ms: LISTEN_MS });
    await subscribers.leave();
  }
}

/** Twenty decisions a second by the clock, whether earlier ones are through or not, across several workers' budgets. */
export async function measureSteady(run: BenchRun): Promise<BenchResult[]> {
  const employers = await hire(run.stack.sql, "steady", STEADY.users, STEADY.tradersEach);
  const subscribers = await Subscribers.join(run.stack, employers.map(({ user }) => user));
  try {
    const drafts = await draftDecisions(run.stack.sql, employers, STEADY.warmUp + STEADY.samples);
    const begin = performance.now();
    const samples = await Promise.all(drafts.map(async (draft, n) => {
      await delay(begin + n * 1_000 / STEADY.perSecond - performance.now());
      return await decideAndSee(run, subscribers, draft);
    }));
    const rows = latencyRows("steady", samples.slice(STEADY.warmUp), { p50: atMost(30), p99: atMost(200) });
    return [...rows, measured("steady_workers_used", await workersOf(run, drafts), "invocations")];
  } finally {
    await subscribers.leave();
  }
}

/** Milliseconds from the acknowledged commit of the decision to the position seen open, by one clock in this process. */
async function decideAndSee(run: BenchRun, subscribers: Subscribers, draft: DraftDecision): Promise<number> {
  await decideAtOnce(run.backend, [draft]);
  const committedAt = performance.now();
  const [openAt] = await subscribers.open([draft.signalId], SEEN_TIMEOUT_MS);
  return openAt! - committedAt;
}

async function workersOf(run: BenchRun, drafts: readonly DraftDecision[]): Promise<number> {
  const ids = drafts.map(({ signalId }) => signalId);
  const [row] = await run.stack.sql<{ count: number }[]>`
    select count(distinct worker)::int as count from trading.jobs where signal_id = any (${ids}::uuid[])`;
  return row!.count;
}

function latencyRows(
  name: string,
  samples: readonly number[],
  targets: Readonly<Record<string, Target>>,
): BenchResult[] {
  const shares = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 };
  return Object.entries(shares).map(([label, share]) =>
    measured(`${name}_decision_to_open_${label}`, percentile(samples, share), "ms", targets[label])
  );
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
