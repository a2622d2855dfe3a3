/** `deno task soak`: what only shows after hours. A day of virtual time, and an hour of real load on a durable stack. */
import { Command, InvalidArgumentError } from "commander";
import { describeMachine, loadNow } from "./bench/machine.ts";
import { allReached, type BenchResult, renderTable } from "./bench/result.ts";
import { wholeNumber } from "./lib/whole_number.ts";
import { realFacts } from "./soak/real_facts.ts";
import { runRealLoad } from "./soak/real_load.ts";
import { realRows } from "./soak/real_rows.ts";
import { runVirtualDays, virtualFacts, virtualRows } from "./soak/virtual_days.ts";

interface Flags {
  readonly hoursVirtual: number;
  readonly minutesReal: number;
  readonly positions: number;
  readonly seed: number;
  readonly json: boolean;
}

const INTERRUPTIONS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];

const flags = parseFlags(Deno.args);
const machine = describeMachine();
const stopping = new AbortController();
for (const name of INTERRUPTIONS) {
  Deno.addSignalListener(name, () => stopping.abort(new Error(`ended by ${name}; nothing is left running`)));
}
Deno.exit(await main());

async function main(): Promise<number> {
  try {
    const results: BenchResult[] = [];
    const facts: Record<string, object> = {};
    if (flags.hoursVirtual > 0) {
      const days = await runVirtualDays({ ...flags, hours: flags.hoursVirtual, log }, stopping.signal);
      for (const day of days) {
        results.push(...virtualRows(day));
        facts[`virtual_${day.name}`] = virtualFacts(day);
      }
    }
    if (flags.minutesReal > 0) {
      const run = await runRealLoad({ ...flags, minutes: flags.minutesReal, log }, stopping.signal);
      results.push(...realRows(run, flags.positions));
      facts["real"] = realFacts(run, flags.minutesReal);
    }
    const report = { machine: { ...machine, load_at_end: loadNow() }, ...flags, results, facts };
    if (flags.json) console.log(JSON.stringify(report));
    else console.log(`${JSON.stringify(report.machine)}\n${renderFacts(facts)}\n\n${renderTable(results)}`);
    if (allReached(results)) return 0;
    console.error("soak: a target is missed; see the rows that say so, and docs/operations.md");
    return 1;
  } catch (error) {
    const reason = stopping.signal.aborted ? stopping.signal.reason : error;
    console.error(`soak: ${reason instanceof Error ? reason.message : reason}`);
    return 1;
  }
}

function log(line: string): void {
  console.error(line);
}

/** Each fact on a line, lists one element a line. */
function renderFacts(facts: Readonly<Record<string, object>>): string {
  const lines = Object.entries(facts).flatMap(([part, one]) =>
    Object.entries(one).flatMap(([name, value]) =>
      Array.isArray(value)
        ? [`${part} ${name}:`, ...value.map((item) => `  ${JSON.stringify(item)}`)]
        : [`${part} ${name}: ${JSON.stringify(value)}`]
    )
  );
  return lines.join("\n");
}

function parseFlags(args: readonly string[]): Flags {
  const program = new Command("soak")
    .description("Shows what only shows after hours. Exit code 1: a target is missed, or a part broke down.")
    .option("--hours-virtual <n>", "virtual time, as fast as it goes; 0: leave it out", amount(1_000), 24)
    .option("--minutes-real <n>", "load by the wall clock; 0: leave it out", amount(10_000), 60)
    .option("--positions <n>", "held open during the real load, half of them live", wholeNumber(10, 500), 100)
    .option("--seed <n>", "decides markets and decisions", wholeNumber(0, 2 ** 31), 7)
    .option("--json", "one JSON object on standard output", false)
    .configureOutput({
      outputError: (words, write) => write(`${words.trimEnd().replace(/^error:/, "soak:")} See --help.\n`),
    })
    .exitOverride((error) => Deno.exit(error.exitCode === 0 ? 0 : 2));
  return program.parse(args as string[], { from: "user" }).opts() as Flags;
}

function amount(most: number): (value: string) => number {
  return (value) => {
    const n = /^\d+(\.\d+)?$/.test(value) ? Number(value) : NaN;
    if (!(n <= most)) throw new InvalidArgumentError(`It must be a number from 0 to ${most}.`);
    return n;
  };
}
