/** `deno task bench`: what the system promises about speed, measured side by side in one run on a durable stack. */
import { Command, Option } from "commander";
import { type BenchRun, withStack } from "./bench/bench_run.ts";
import { measureBurst } from "./bench/burst.ts";
import { measureIdle, measureSteady } from "./bench/latency.ts";
import { describeMachine, loadNow } from "./bench/machine.ts";
import { profileRows } from "./bench/profile.ts";
import { allReached, type BenchResult, renderTable } from "./bench/result.ts";
import { measureLive } from "./bench/live.ts";
import { measureFlatten } from "./bench/live_flatten.ts";
import { measureRush } from "./bench/live_rush.ts";
import { measureRisk } from "./bench/risk.ts";
import { measureStarts } from "./bench/starts.ts";
import { measureStops } from "./bench/stops.ts";
import { measureTicks } from "./bench/ticks.ts";

/** Groups of rows that share one stack, in running order. */
const ON_A_STACK: Readonly<Record<string, (run: BenchRun) => Promise<BenchResult[]>>> = {
  profile: profileRows,
  idle: measureIdle,
  steady: measureSteady,
  burst: measureBurst,
  risk: measureRisk,
  tick: measureTicks,
  stop: measureStops,
};
/** Groups that start what they measure by themselves. */
const ALONE: Readonly<Record<string, (log: (line: string) => void) => Promise<BenchResult[]>>> = {
  live: measureLive,
  rush: measureRush,
  flatten: measureFlatten,
  start: measureStarts,
};

interface Flags {
  readonly only?: string;
  readonly json: boolean;
}

const flags = parseFlags(Deno.args);
const machine = describeMachine();
try {
  const results = await measureAll(flags.only);
  if (flags.json) console.log(JSON.stringify({ machine, results }));
  else {console.log(`${
      Object.entries(machine).map(([name, value]) => `${name} ${value}`).join(" · ")
    }\n\n${renderTable(results)}`);}
  if (!allReached(results)) {
    console.error("bench: a target is missed; compare load_at_start and docs/benchmarks.md");
  }
  Deno.exit(allReached(results) ? 0 : 1);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}

async function measureAll(only: string | undefined): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const groups = Object.entries(ON_A_STACK).filter(([name]) => only === undefined || only === name);
  if (groups.length > 0) {
    log("starting a durable stack");
    await withStack(log, async (run) => {
      for (const [name, measure] of groups) {
        announce(name);
        results.push(...await measure(run));
      }
    });
  }
  for (const [name, measure] of Object.entries(ALONE)) {
    if (only !== undefined && only !== name) continue;
    announce(name);
    results.push(...await measure(log));
  }
  return results;
}

function announce(name: string): void {
  log(`${name} (load ${loadNow()})`);
}

function log(line: string): void {
  console.error(line);
}

function parseFlags(args: readonly string[]): Flags {
  const program = new Command("bench")
    .description("Measures what the system promises about speed. Exit code 1: a target is missed.")
    .addOption(
      new Option("--only <name>", "one group of rows").choices([
        ...Object.keys(ON_A_STACK),
        ...Object.keys(ALONE),
      ]),
    )
    .option("--json", "one JSON object on standard output", false)
    .exitOverride((error) => Deno.exit(error.exitCode === 0 ? 0 : 2));
  return program.parse(args as string[], { from: "user" }).opts() as Flags;
}
