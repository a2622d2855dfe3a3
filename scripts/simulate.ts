/** `deno task simulate`: seeded fault simulation of live trading, with its invariants checked after every step. */
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { TextLineStream } from "../local/text_lines.ts";
import {
  CLUSTER_VARIABLE,
  clusterFromEnvironment,
  clusterToEnvironment,
  startTestCluster,
} from "../tests/harness/cluster.ts";
import { BUGS } from "../tests/simulation/bugs.ts";
import { reportOn, tellFailure } from "../tests/simulation/report.ts";
import { runSeed, type SeedResult } from "../tests/simulation/run_seed.ts";

const SEEDS_MAX = 1_000_000;
const PROGRESS_EVERY = 50;

interface Flags {
  readonly seeds: readonly [first: number, last: number];
  readonly parallel: number;
  readonly bug?: string;
  readonly json: boolean;
  readonly log: boolean;
  /** Of a child process: print each seed's result as a line. */
  readonly lines: boolean;
}

const flags = parseFlags(Deno.args);
const startedAt = performance.now();
// What clones databases, here and in child processes, finds the cluster by this.
const own = clusterFromEnvironment() === null ? await startTestCluster() : null;
if (own !== null) Deno.env.set(CLUSTER_VARIABLE, clusterToEnvironment(own));
let code = 1;
try {
  code = await main();
} catch (error) {
  console.error(`simulate: ${error instanceof Error ? error.message : error}`);
} finally {
  await own?.stop();
}
Deno.exit(code);

async function main(): Promise<number> {
  const bug = flags.bug ?? null;
  const results: SeedResult[] = [];
  const tell = (result: SeedResult) => {
    // What happened in it is only wanted while it is played.
    const kept = { ...result, events: [] };
    results.push(kept);
    if (flags.lines) return console.log(JSON.stringify(kept));
    for (const line of tellFailure(result, bug)) console.error(line);
    if (results.length % PROGRESS_EVERY === 0) console.error(`${results.length} seeds, ${seconds()} s`);
  };
  if (flags.parallel > 1) await inParallel(tell);
  else await inOrder(tell);
  if (flags.lines) return 0;
  const report = reportOn(results.sort((a, b) => a.seed - b.seed), performance.now() - startedAt);
  console.log(flags.json ? JSON.stringify(report) : JSON.stringify(report, null, 2));
  return report.violations === 0 && report.stuck === 0 ? 0 : 1;
}

function seconds(): number {
  return Math.round((performance.now() - startedAt) / 1_000);
}

async function inOrder(tell: (result: SeedResult) => void): Promise<void> {
  const bug = flags.bug === undefined ? null : BUGS[flags.bug]!;
  for (let seed = flags.seeds[0]; seed <= flags.seeds[1]; seed++) {
    const result = await runSeed(seed, bug);
    if (flags.log) { for (const event of result.events) console.error(event); }
    tell(result);
  }
}

/** Each process takes a part of the seeds, on databases of the one cluster. When one fails, the others are ended. */
async function inParallel(tell: (result: SeedResult) => void): Promise<void> {
  const [first, last] = flags.seeds;
  const share = Math.ceil((last - first + 1) / flags.parallel);
  const starts = Array.from({ length: flags.parallel }, (_, n) => first + n * share);
  const ended = new AbortController();
  const parts = starts.filter((from) => from <= last)
    .map((from) => playPart(from, Math.min(last, from + share - 1), tell, ended.signal));
  try {
    await Promise.all(parts);
  } finally {
    ended.abort();
    await Promise.allSettled(parts);
  }
}

/** Plays seeds in a process of their own, which the signal ends. */
async function playPart(
  from: number,
  to: number,
  tell: (result: SeedResult) => void,
  signal: AbortSignal,
): Promise<void> {
  const bug = flags.bug === undefined ? [] : ["--bug", flags.bug];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", fileURLToPath(import.meta.url)],
      ...["--seeds", `${from}-${to}`, "--lines", ...bug],
    ],
    stdout: "piped",
    stderr: "inherit",
    signal,
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) tell(JSON.parse(line) as SeedResult);
  if (!(await child.status).success) throw new Error(`the process with the seeds ${from} to ${to} failed`);
}

function parseFlags(args: readonly string[]): Flags {
  const program = new Command("simulate")
    .description("Trades live on the simulated exchange, under faults and crashes that a seed decides.")
    .option("--seeds <A-B>", "one seed, or the first and the last", seedRange, [1, 40] as const)
    .option("--parallel <n>", "processes that share the seeds", parallelism, 1)
    .addOption(
      new Option("--bug <name>", "plants a bug, which the invariants must find").choices(Object.keys(BUGS)),
    )
    .option("--log", "everything that happened, on standard error", false)
    .option("--json", "one JSON object on standard output", false)
    .addOption(new Option("--lines").default(false).hideHelp())
    .configureOutput({
      outputError: (words, write) =>
        write(`${words.trimEnd().replace(/^error:/, "simulate:").replace(/\.?$/, ".")} See --help.\n`),
    })
    .exitOverride((error) => Deno.exit(error.exitCode === 0 ? 0 : 2));
  return program.parse(args as string[], { from: "user" }).opts() as Flags;
}

function seedRange(value: string): readonly [number, number] {
  const range = /^(\d{1,7})(?:-(\d{1,7}))?$/.exec(value);
  const [first, last] = [parseInt(range?.[1] ?? "", 10), parseInt(range?.[2] ?? range?.[1] ?? "", 10)];
  if (!(first >= 0 && last >= first && last < SEEDS_MAX)) {
    throw new InvalidArgumentError("It must be like 7 or 1-2000.");
  }
  return [first, last];
}

function parallelism(value: string): number {
  if (!/^[1-8]$/.test(value)) throw new InvalidArgumentError("It must be a whole number from 1 to 8.");
  return parseInt(value, 10);
}
