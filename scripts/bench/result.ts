/** What the benchmarks report: rows with a value and, where the system promises something, a target. */
import { rounded } from "./statistics.ts";

/** A promise about a value. */
export interface Target {
  readonly kind: "at_most" | "at_least";
  readonly value: number;
}

/** One row of the report, in the shape of `--json`. */
export interface BenchResult {
  readonly name: string;
  /** Null: could not be measured here; the progress lines say why. */
  readonly value: number | null;
  readonly unit: string;
  /** "<= 25" or ">= 4" in the row's unit; null: printed only. */
  readonly target: string | null;
  /** Null where there is no target or no value. */
  readonly pass: boolean | null;
}

export const atMost = (value: number): Target => ({ kind: "at_most", value });
export const atLeast = (value: number): Target => ({ kind: "at_least", value });

/** A row with what was measured. The target is held against the exact value, the row shows it rounded. */
export function measured(name: string, value: number, unit: string, target?: Target): BenchResult {
  return {
    name,
    value: rounded(value),
    unit,
    target: target ? targetText(target) : null,
    pass: target ? isReached(value, target) : null,
  };
}

/** A row that could not be measured. */
export function unmeasured(name: string, unit: string, target?: Target): BenchResult {
  return { name, value: null, unit, target: target ? targetText(target) : null, pass: null };
}

/** Whether no measured row misses its target. */
export function allReached(results: readonly BenchResult[]): boolean {
  return results.every(({ pass }) => pass !== false);
}

/** Columns of text: name, value, unit, target and whether it is reached. */
export function renderTable(results: readonly BenchResult[]): string {
  const verdict = ({ target, pass }: BenchResult) =>
    target === null ? "" : pass === null ? "not measured" : pass ? "reached" : "MISSED";
  const rows = [
    ["measurement", "value", "unit", "target", ""],
    ...results.map((row) => [row.name, String(row.value ?? "-"), row.unit, row.target ?? "", verdict(row)]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) => column === 1 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))
      .join("  ").trimEnd()
  ).join("\n");
}

function targetText({ kind, value }: Target): string {
  return `${kind === "at_most" ? "<=" : ">="} ${value}`;
}

function isReached(value: number, target: Target): boolean {
  return target.kind === "at_most" ? value <= target.value : value >= target.value;
}
