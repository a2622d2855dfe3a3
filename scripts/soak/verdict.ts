/** What a series of samples or a list of counts comes to: rows of the report, in the benchmarks' shape. */
import { atMost, type BenchResult, measured, unmeasured } from "../bench/result.ts";
import { median, rounded } from "../bench/statistics.ts";

/** Memory may differ by so much between the beginning and the end of a run, upwards or downwards. */
export const FLAT_PERCENT = 10;
const TENTHS = 10;
const FLAT_TARGET = `within ±${FLAT_PERCENT}`;

/** Two levels of a series and the change from one to the other. */
export interface Drift {
  /** Median of the second tenth; the first one is warm-up. */
  readonly early: number;
  /** Median of the last tenth. */
  readonly late: number;
  /** From early to late; positive: it grew. */
  readonly percent: number;
}

/** The drift of a series in order of time. Null where it is shorter than ten samples: nothing can be said of it. */
export function driftOf(samples: readonly number[]): Drift | null {
  const tenth = Math.floor(samples.length / TENTHS);
  if (tenth === 0) return null;
  const early = median(samples.slice(tenth, 2 * tenth));
  const late = median(samples.slice(-tenth));
  if (early === 0) return null;
  return { early, late, percent: (late - early) / early * 100 };
}

/** The medians of the ten tenths, in order: how a drift came about. Empty where there are fewer than ten samples. */
export function mediansOfTenths(samples: readonly number[]): number[] {
  const tenth = Math.floor(samples.length / TENTHS);
  if (tenth === 0) return [];
  return Array.from({ length: TENTHS }, (_, n) => rounded(median(samples.slice(n * tenth, (n + 1) * tenth))));
}

/** What comes after the warm-up: all but the first tenth. */
export function afterWarmUp<T>(samples: readonly T[]): T[] {
  return samples.slice(Math.floor(samples.length / TENTHS));
}

/** A row in percent: it passes while the series ends where its second tenth was, give or take ten percent. */
export function driftRow(name: string, samples: readonly number[]): BenchResult {
  const drift = driftOf(samples);
  return {
    name,
    value: drift === null ? null : rounded(drift.percent),
    unit: "%",
    target: FLAT_TARGET,
    pass: drift === null ? null : Math.abs(drift.percent) <= FLAT_PERCENT,
  };
}

/** A row for each count that has to be zero; `prefix` goes before its name. */
export function zeroRows(
  prefix: string,
  unit: string,
  counts: Readonly<Record<string, number>>,
): BenchResult[] {
  return Object.entries(counts).map(([name, count]) => measured(`${prefix}${name}`, count, unit, atMost(0)));
}

/** A row of a statistic over samples, or one that says that there were none. */
export function sampleRow(
  name: string,
  unit: string,
  samples: readonly number[],
  statistic: (samples: readonly number[]) => number,
  target?: Parameters<typeof measured>[3],
): BenchResult {
  return samples.length === 0
    ? unmeasured(name, unit, target)
    : measured(name, statistic(samples), unit, target);
}
