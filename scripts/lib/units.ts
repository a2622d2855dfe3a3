import { failure, type Outcome } from "./outcome.ts";

/** One thing a test run does: a gate, a pgTAP file, a Deno test file. */
export interface Unit {
  /** What filters match and the reader sees; a path where there is one. */
  readonly name: string;
  /** Runs after all others and by itself: it measures time, or needs the whole machine. */
  readonly isAlone: boolean;
  run(): Promise<Outcome>;
}

export interface UnitResult extends Outcome {
  readonly name: string;
  readonly durationMs: number;
}

/**
 * Runs units `jobs` at a time, in the given order, and then one by one those that want to be alone.
 * A unit that throws is a failed unit. After `signal` aborts, no further unit starts.
 */
export async function runUnits(
  units: readonly Unit[],
  jobs: number,
  onDone: (result: UnitResult) => void,
  signal: AbortSignal,
): Promise<UnitResult[]> {
  const results: UnitResult[] = [];
  const drain = async (queue: Unit[]) => {
    for (let unit = queue.shift(); unit && !signal.aborted; unit = queue.shift()) {
      const result = await runUnit(unit);
      results.push(result);
      onDone(result);
    }
  };
  const together = units.filter((unit) => !unit.isAlone);
  await Promise.all(Array.from({ length: jobs }, () => drain(together)));
  await drain(units.filter((unit) => unit.isAlone));
  return results;
}

/**
 * The units a caller asked for: all of them without filters, else those whose name contains one of the
 * filters. Throws when a filter selects nothing, so that a typing error does not pass as a green run.
 */
export function selectUnits(units: readonly Unit[], filters: readonly string[]): Unit[] {
  const wanted = filters.map((filter) => filter.replace(/^\.\//, ""));
  const useless = wanted.filter((filter) => !units.some((unit) => unit.name.includes(filter)));
  if (useless.length > 0) throw new Error(`No test matches: ${useless.join(", ")}`);
  return units.filter((unit) => wanted.length === 0 || wanted.some((filter) => unit.name.includes(filter)));
}

async function runUnit(unit: Unit): Promise<UnitResult> {
  const startedAt = performance.now();
  const outcome = await unit.run().catch((error: unknown) =>
    failure(error instanceof Error ? error.message : String(error))
  );
  return { ...outcome, name: unit.name, durationMs: performance.now() - startedAt };
}
