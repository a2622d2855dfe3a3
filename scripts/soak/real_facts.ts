/** What the real load tells besides its rows. */
import type { RealRun } from "./real_load.ts";
import { findGrowth, type TableGrowth, type TableSize } from "./table_sizes.ts";
import type { AlertCount, CriticalAlert } from "./real_end.ts";
import type { Sample } from "./sampler.ts";
import { mediansOfTenths } from "./verdict.ts";

/** The machine-readable facts of the real load. */
export interface RealFacts {
  readonly calls: Readonly<Record<string, number>>;
  readonly exits: Readonly<Record<string, number>>;
  readonly compared: RealRun["end"]["compared"];
  readonly differences: readonly string[];
  readonly leaks: readonly string[];
  readonly alerts: readonly AlertCount[];
  readonly critical: readonly CriticalAlert[];
  /** Warnings and errors of the stack by kind. */
  readonly troubles: Readonly<Record<string, number>>;
  readonly denied: number;
  readonly unfilled: number;
  readonly latency_ms: RealRun["end"]["result"]["latency_ms"];
  /** Medians of the ten tenths of the load; memory in MB. */
  readonly tenths: Readonly<Record<string, readonly number[]>>;
  /** Tables that were still growing in the second half, most bytes an hour first. */
  readonly growing: readonly TableGrowth[];
  readonly tables: readonly TableSize[];
}

const MINUTES_PER_HOUR = 60;
const MB = 1_000_000;

export function realFacts(
  { samples, tallies, end, tables: [middle, last] }: RealRun,
  minutes: number,
): RealFacts {
  const { result, exits, compared, differences, leaks, alerts, critical, troubles } = end;
  return {
    calls: Object.fromEntries(tallies.map(({ name, calls }) => [name, calls])),
    exits,
    compared,
    differences,
    leaks,
    alerts,
    critical,
    troubles,
    denied: result.denied,
    unfilled: result.unfilled,
    latency_ms: result.latency_ms,
    tenths: tenthsOf(samples),
    growing: findGrowth(middle, last, minutes / 2 / MINUTES_PER_HOUR),
    tables: last,
  };
}

function tenthsOf(samples: readonly Sample[]): RealFacts["tenths"] {
  const tenths = (of: (sample: Sample) => number | null | undefined) =>
    mediansOfTenths(samples.flatMap((sample) => of(sample) ?? []));
  const inMb = (bytes: number | null | undefined) =>
    bytes === null || bytes === undefined ? null : bytes / MB;
  return {
    worker_resident: tenths(({ workers }) => inMb(workers.at(0)?.resident)),
    worker_own: tenths(({ workers }) => inMb(workers.at(0)?.own)),
    main_resident: tenths(({ main }) => inMb(main?.resident)),
    main_heap: tenths(({ mainHeap }) => inMb(mainHeap)),
    database_private: tenths(({ database }) => inMb(database)),
    database_processes: tenths(({ sessions }) => sessions),
    load: tenths(({ load }) => load),
    queue: tenths(({ queue }) => queue),
    open_paper: tenths(({ paperPositions }) => paperPositions),
    open_live: tenths(({ livePositions }) => livePositions),
  };
}
