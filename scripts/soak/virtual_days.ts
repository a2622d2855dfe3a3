/** The days in virtual time: played in processes of their own, and what they come to. */
import { fileURLToPath } from "node:url";
import { heapFlags } from "../../local/function_worker.ts";
import { HOSTED_LIMITS } from "../../local/worker_limits.ts";
import type { DayResult } from "../../tests/soak/day.ts";
import type { RollOver } from "../../tests/soak/paper_day.ts";
import { atLeast, type BenchResult, measured, unmeasured } from "../bench/result.ts";
import { driftOf, driftRow, mediansOfTenths, zeroRows } from "./verdict.ts";
import { findGrowth, type TableGrowth, type TableSize } from "./table_sizes.ts";

/** live: on the simulated exchange; paper: with the change of the UTC day. */
export type DayName = "live" | "paper";

/** What was seen of a day. */
export interface VirtualDay {
  readonly name: DayName;
  readonly hours: number;
  /** Resident memory of the process (bytes), in order; zeros where the system does not tell. */
  readonly resident: readonly number[];
  /** Real time that each equal part of the day took (ms). */
  readonly paceMs: readonly number[];
  readonly tables: readonly [middle: TableSize[], end: TableSize[]];
  readonly result: DayResult & { readonly rollOver: RollOver | null };
}

/** What a day tells besides its rows. */
export interface VirtualFacts {
  readonly steps: number;
  readonly minutes: number;
  readonly happened: Readonly<Record<string, number>>;
  readonly alerts: Readonly<Record<string, number>>;
  /** Medians of the ten tenths of the day (MB). */
  readonly resident_tenths: readonly number[];
  /** The first broken invariants. */
  readonly words: readonly string[];
  /** Tables that were still growing in the second half, most bytes an hour first. */
  readonly growing: readonly TableGrowth[];
  readonly tables: readonly TableSize[];
}

const PROCESS = fileURLToPath(new URL("./virtual_process.ts", import.meta.url));
/** A worker's: a roomy heap keeps more garbage than there is to be seen, and gives it back at some time. */
const HEAP = heapFlags(HOSTED_LIMITS.memoryBytes);
const DAYS: readonly DayName[] = ["live", "paper"];
const MB = 1_000_000;
const MINUTE_MS = 60_000;

/** Plays both days, one after the other. */
export async function runVirtualDays(
  { hours, seed, log }: { hours: number; seed: number; log: (line: string) => void },
  signal: AbortSignal,
): Promise<VirtualDay[]> {
  const days: VirtualDay[] = [];
  for (const name of DAYS) {
    log(`virtual time: a ${name} day of ${hours} h`);
    days.push(await playInProcess(name, hours, seed, signal));
  }
  return days;
}

async function playInProcess(
  name: DayName,
  hours: number,
  seed: number,
  signal: AbortSignal,
): Promise<VirtualDay> {
  signal.throwIfAborted();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", HEAP, PROCESS, name, `${hours}`, `${seed}`],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  // It may have had the same Ctrl-C and be over already.
  const end = () => {
    try {
      child.kill("SIGTERM");
    } catch { /* it has ended */ }
  };
  signal.addEventListener("abort", end);
  const { success, stdout } = await child.output();
  signal.removeEventListener("abort", end);
  signal.throwIfAborted();
  if (!success) throw new Error(`the ${name} day broke down; see the line before`);
  return JSON.parse(new TextDecoder().decode(stdout)) as VirtualDay;
}

/** The rows of a day. Pure. */
export function virtualRows({ name, hours, resident, paceMs, result }: VirtualDay): BenchResult[] {
  const prefix = `virtual_${name}_`;
  const known = resident.filter((bytes) => bytes > 0);
  return [
    measured(`${prefix}hours`, hours, "h"),
    measured(`${prefix}positions_closed`, result.happened["positions_closed"] ?? 0, "positions", atLeast(1)),
    ...zeroRows(prefix, "found", result.wrong),
    ...(name === "paper" ? rollOverRows(result.rollOver) : []),
    driftRow(`${prefix}resident_drift`, known),
    measured(`${prefix}resident_last`, (known.at(-1) ?? 0) / MB, "MB"),
    paceRow(`${prefix}slowdown`, paceMs),
  ];
}

/** How much longer a part of the day takes at its end than at its beginning: what grows costs more. */
function paceRow(name: string, paceMs: readonly number[]): BenchResult {
  const drift = driftOf(paceMs);
  return drift === null ? unmeasured(name, "%") : measured(name, drift.percent, "%");
}

function rollOverRows(rollOver: RollOver | null): BenchResult[] {
  const row = (name: string, value: number | undefined) =>
    value === undefined
      ? unmeasured(`virtual_roll_over_${name}`, "times", atLeast(1))
      : measured(`virtual_roll_over_${name}`, value, "times", atLeast(1));
  return [
    row("refused_before_midnight", rollOver === null ? undefined : Number(rollOver.wasRefusedBefore)),
    row("resumed_after_midnight", rollOver === null ? undefined : Number(rollOver.wasResumedAfter)),
    row("opened_after_midnight", rollOver?.openedAfter),
  ];
}

export function virtualFacts(
  { hours, resident, paceMs, tables: [middle, end], result }: VirtualDay,
): VirtualFacts {
  const { steps, happened, alerts, words } = result;
  return {
    steps,
    minutes: Math.round(paceMs.reduce((sum, ms) => sum + ms, 0) / MINUTE_MS * 10) / 10,
    happened,
    alerts,
    resident_tenths: mediansOfTenths(resident.map((bytes) => bytes / MB)),
    words,
    growing: findGrowth(middle, end, hours / 2),
    tables: end,
  };
}
