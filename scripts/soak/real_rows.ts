/** The verdict on the real load: pure, so that every row can be shown to miss. */
import { atLeast, atMost, type BenchResult, measured } from "../bench/result.ts";
import { median } from "../bench/statistics.ts";
import { hotQueryRows } from "./hot_queries.ts";
import type { IdleMemory } from "./idle_memory.ts";
import type { AlertCount, RealEnd } from "./real_end.ts";
import type { RealRun } from "./real_load.ts";
import type { Sample } from "./sampler.ts";
import { afterWarmUp, driftRow, sampleRow, zeroRows } from "./verdict.ts";

const MB = 1_000_000;
/** A load that held fewer than this share of the positions it should hold shows nothing about them. */
const HELD_SHARE = 0.9;
const WORKER_TARGET = atMost(100);
/** Of the admitted executions (percent). */
const ERROR_RATE_TARGET = atMost(0.1);
const ALARMING: ReadonlySet<string> = new Set(["critical", "emergency"]);

/** All rows of a run that should have held so many positions. */
export function realRows(run: RealRun, positions: number): BenchResult[] {
  const { end, samples, idle } = run;
  return [
    ...loadRows(samples, positions),
    ...memoryRows(samples, idle),
    ...hotQueryRows(run.tallies),
    ...endRows(end),
  ];
}

function loadRows(samples: readonly Sample[], positions: number): BenchResult[] {
  const steady = afterWarmUp(samples);
  const held = steady.map(({ paperPositions, livePositions }) => paperPositions + livePositions);
  return [
    sampleRow("real_open_positions_p50", "positions", held, median, atLeast(positions * HELD_SHARE)),
    sampleRow("real_open_live_positions_p50", "positions", steady.map((one) => one.livePositions), median),
    sampleRow("real_queue_p50", "jobs", steady.map(({ queue }) => queue), median),
    sampleRow("real_queue_max", "jobs", steady.map(({ queue }) => queue), longest),
  ];
}

/** Of the worker the process that takes most: while one hands over to the next there are two. */
function memoryRows(samples: readonly Sample[], idle: RealRun["idle"]): BenchResult[] {
  const workers = samples.flatMap(({ workers }) => {
    const largest = workers.toSorted((a, b) => b.resident - a.resident)[0];
    return largest === undefined ? [] : [largest];
  });
  const main = samples.flatMap(({ main }) => main ?? []);
  const database = samples.flatMap(({ database }) => database ?? []);
  const resident = workers.map(({ resident }) => resident / MB);
  return [
    driftRow("worker_resident_drift", resident),
    sampleRow("worker_resident_p50", "MB", afterWarmUp(resident), median),
    sampleRow("worker_resident_max", "MB", resident, longest, WORKER_TARGET),
    sampleRow("worker_own_p50", "MB", afterWarmUp(workers).map(({ own }) => own / MB), median),
    sampleRow("worker_own_max", "MB", workers.map(({ own }) => own / MB), longest),
    ...idleRows("idle_deno", idle?.bare),
    ...idleRows("idle_deno_with_packages", idle?.packages),
    driftRow("main_resident_drift", main.map(({ resident }) => resident)),
    sampleRow("main_resident_p50", "MB", afterWarmUp(main).map(({ resident }) => resident / MB), median),
    driftRow("database_private_drift", database),
    sampleRow("database_private_p50", "MB", afterWarmUp(database).map((own) => own / MB), median),
  ];
}

function idleRows(name: string, idle: IdleMemory | undefined): BenchResult[] {
  if (idle === undefined) return [];
  return [
    measured(`${name}_resident`, idle.resident / MB, "MB"),
    measured(`${name}_own`, idle.own / MB, "MB"),
    measured(`${name}_heap`, idle.heapUsed / MB, "MB"),
  ];
}

function endRows({ result, differences, leaks, alerts, left }: RealEnd): BenchResult[] {
  return [
    measured("real_decisions", result.signals, "decisions"),
    measured("real_opened", result.opened, "positions", atLeast(1)),
    measured("real_error_rate", result.error_rate_percent, "%", ERROR_RATE_TARGET),
    ...zeroRows("real_failed_", "entries", { and_dead_jobs: result.failed, unknown_orders: result.unknown }),
    ...zeroRows("real_books_", "rows", result.books),
    ...zeroRows("real_left_", "rows", left),
    measured("real_exchange_differences", differences.length, "differences", atMost(0)),
    measured("real_simulator_leaks", leaks.length, "assets", atMost(0)),
    measured("real_critical_alerts_unresolved", countAlarming(alerts), "alerts", atMost(0)),
  ];
}

/** Unresolved alerts that somebody would have to be woken for. */
export function countAlarming(alerts: readonly AlertCount[]): number {
  return alerts.filter(({ severity }) => ALARMING.has(severity))
    .reduce((sum, { unresolved }) => sum + unresolved, 0);
}

function longest(samples: readonly number[]): number {
  return Math.max(...samples);
}
