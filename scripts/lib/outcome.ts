/** What one unit of a test run came to. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Lines for the reader: about what failed, or what a test that passed wants to be read. */
  readonly report: readonly string[];
}

/** The outcome of something that could not even be run to its end. */
export function failure(...report: string[]): Outcome {
  return { passed: 0, failed: 1, skipped: 0, report };
}

/** The sum of outcomes, reports in order. */
export function sumOutcomes(outcomes: readonly Outcome[]): Outcome {
  const sum = (pick: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + pick(one), 0);
  return {
    passed: sum((one) => one.passed),
    failed: sum((one) => one.failed),
    skipped: sum((one) => one.skipped),
    report: outcomes.flatMap((one) => one.report),
  };
}

/** `12 passed, 0 failed`, and `, 3 skipped` when there are any. */
export function countLine({ passed, failed, skipped }: Outcome): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
