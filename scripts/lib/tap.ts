import { type FinalResults, Parser } from "tap-parser";
import { failure, type Outcome, sumOutcomes } from "./outcome.ts";

/**
 * Judges the TAP lines of one pgTAP file. Strict about the shape, because the parser forgives files that
 * tested less than they meant to: exactly one plan, in front of all assertions, and pgTAP's own complaint
 * ("# Looks like you planned 5 tests but ran 1") is a failure of its own.
 */
export function judgeTap(lines: readonly string[]): Outcome {
  const results = parse(lines);
  const unexpected = results.fail - results.todos.filter((one) => !one.ok).length;
  const assertions: Outcome = {
    passed: results.count - unexpected - results.skip,
    failed: unexpected,
    skipped: results.skip,
    report: describeFailures(lines),
  };
  const complaints = shapeComplaints(lines, results);
  return complaints.length === 0 ? assertions : sumOutcomes([assertions, failure(...complaints)]);
}

function parse(lines: readonly string[]): FinalResults {
  let results: FinalResults | null = null;
  const parser = new Parser((final) => results = final);
  parser.end(lines.join("\n") + "\n");
  if (results === null) throw new Error("The TAP parser ended without results");
  return results;
}

const ASSERTION = /^(not )?ok\b/;
const PLAN = /^\d+\.\.\d+/;

function shapeComplaints(lines: readonly string[], results: FinalResults): string[] {
  const complaints = lines.filter((line) => line.startsWith("# Looks like you planned"));
  if (results.bailout) complaints.push(`Bail out! ${results.bailout}`);
  const plans = lines.filter((line) => PLAN.test(line)).length;
  if (plans !== 1) return [...complaints, `A file has exactly one plan; found ${plans}.`];
  const firstAssertion = lines.findIndex((line) => ASSERTION.test(line));
  if (firstAssertion !== -1 && firstAssertion < lines.findIndex((line) => PLAN.test(line))) {
    complaints.push("The plan must stand before the first assertion.");
  }
  const isShort = results.plan.end !== results.count && !results.plan.skipAll;
  if (complaints.length === 0 && isShort) {
    complaints.push(`Planned ${results.plan.end} assertions but ran ${results.count}.`);
  }
  return complaints;
}

/** Each failed assertion with the diagnostics that follow it, as pgTAP printed them. */
function describeFailures(lines: readonly string[]): string[] {
  const report: string[] = [];
  let isInFailure = false;
  for (const line of lines) {
    if (ASSERTION.test(line)) isInFailure = line.startsWith("not ok") && !/# TODO\b/i.test(line);
    if (isInFailure && (ASSERTION.test(line) || line.startsWith("#"))) report.push(line);
  }
  return report;
}
