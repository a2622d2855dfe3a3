/**
 * `deno task test [filters...]`: the gates of `deno task check`, every pgTAP file and every Deno test.
 * A filter selects what has it in its name: a directory, a file, `check` for the gates.
 * Exit code 0 only if all of it passed; the last line says how many.
 */
import { startTestCluster, type TestCluster } from "../tests/harness/cluster.ts";
import { PgTapRunner } from "../tests/harness/pgtap.ts";
import { makeFastTempDir } from "../tests/harness/temp_dir.ts";
import { projectGates } from "./lib/gates/mod.ts";
import { countLine, sumOutcomes } from "./lib/outcome.ts";
import { planUnits } from "./lib/test_plan.ts";
import { runUnits, selectUnits, type UnitResult } from "./lib/units.ts";

/** The machine a build runs on has two cores; more jobs only make every test slower. */
const JOBS_MAX = 2;
const SLOWEST_SHOWN = 10;
/** A slower run is said to be slow; nobody waits longer before a commit. */
const BUDGET_MS = 8 * 60_000;

Deno.exit(await main(Deno.args));

async function main(filters: string[]): Promise<number> {
  const startedAt = performance.now();
  const abort = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => abort.abort());
  const tempDir = await makeFastTempDir("fillbase-run-");
  let started: Promise<TestCluster> | null = null;
  const cluster = () => started ??= startTestCluster();
  const pgTap = new PgTapRunner(cluster);
  try {
    const context = { cluster, pgTap, tempDir, gates: projectGates(cluster), signal: abort.signal };
    const units = selectUnits(await planUnits(context), filters);
    const results = await runUnits(units, JOBS_MAX, printResult, abort.signal);
    printSummary(results, units.length - results.length, performance.now() - startedAt);
    return results.some((result) => result.failed > 0) || results.length < units.length ? 1 : 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  } finally {
    await pgTap[Symbol.asyncDispose]();
    await (started as Promise<TestCluster> | null)?.then((it) => it.stop(), () => {});
    await Deno.remove(tempDir, { recursive: true });
  }
}

function printResult(result: UnitResult): void {
  const seconds = (result.durationMs / 1000).toFixed(1).padStart(6);
  console.log(`${result.failed > 0 ? "FAIL" : "  ok"} ${seconds} s  ${result.name}  ${countLine(result)}`);
  for (const line of result.report) console.log(`       ${line}`);
}

function printSummary(results: UnitResult[], notRun: number, totalMs: number): void {
  const slowest = [...results].sort((a, b) => b.durationMs - a.durationMs).slice(0, SLOWEST_SHOWN);
  console.log("\nSlowest:");
  for (const { name, durationMs } of slowest) {
    console.log(`${(durationMs / 1000).toFixed(1).padStart(7)} s  ${name}`);
  }
  const failed = results.filter((result) => result.failed > 0);
  if (failed.length > 0) console.log(`\nFailed:\n${failed.map(({ name }) => `  ${name}`).join("\n")}`);
  if (notRun > 0) console.log(`\nInterrupted: ${notRun} not run.`);
  const note = totalMs > BUDGET_MS ? `, over the budget of ${BUDGET_MS / 1000} s` : "";
  console.log(`\nTook ${(totalMs / 1000).toFixed(1)} s${note}.`);
  console.log(countLine(sumOutcomes(results)));
}
