/** The settings that decide what a paper entry means here; printed, because a figure without them says little. */
import type { BenchRun } from "./bench_run.ts";
import { type BenchResult, measured } from "./result.ts";

const SETTINGS = {
  paper_taker_fee: "fraction",
  paper_maker_fee: "fraction",
  paper_slippage_min: "fraction",
  paper_slippage_max: "fraction",
  paper_impact_per_10k: "fraction",
  paper_latency_ms: "ms",
  paper_latency_jitter_ms: "ms",
  invocation_paper_jobs: "jobs",
  invocation_ms: "ms",
  listen_ms: "ms",
  price_broadcast_ms: "ms",
} as const;

/** The paper venue's and the worker's settings, as the stack under test has them. */
export async function profileRows({ stack }: BenchRun): Promise<BenchResult[]> {
  const [row] = await stack.sql`select ${stack.sql(Object.keys(SETTINGS))} from trading.settings`;
  return Object.entries(SETTINGS).map(([name, unit]) =>
    measured(`profile_${name}`, Number(row?.[name]), unit)
  );
}
