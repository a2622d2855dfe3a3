import { CLUSTER_VARIABLE, clusterToEnvironment, type TestCluster } from "../../tests/harness/cluster.ts";
import type { PgTapRunner } from "../../tests/harness/pgtap.ts";
import { runDenoTestFile } from "./deno_test_file.ts";
import { failure, type Outcome } from "./outcome.ts";
import { formatFinding, type Gate } from "./gate.ts";
import { listFiles, projectRoot } from "./project.ts";
import type { Unit } from "./units.ts";

const TEST_DIRECTORIES = [
  "scripts",
  "local",
  "simulator",
  "dashboard",
  "supabase/functions",
  "tests",
] as const;
/** First line of a Deno test that must not share the machine with other tests. */
const ALONE_MARKER = "// test: alone";

/** What units share during a run. */
export interface RunContext {
  /** Started at the first call, the same one ever after. */
  readonly cluster: () => Promise<TestCluster>;
  readonly pgTap: PgTapRunner;
  readonly gates: readonly Gate[];
  /** Exists already, removed by the caller. */
  readonly tempDir: string;
  readonly signal: AbortSignal;
}

/** Everything `deno task test` can run, in running order: long files first would save little and read badly. */
export async function planUnits(context: RunContext): Promise<Unit[]> {
  const pgTapPaths = await listFiles("supabase/tests", (path) => path.endsWith(".test.sql"));
  const denoPaths: string[] = [];
  for (const directory of TEST_DIRECTORIES) {
    denoPaths.push(...await listFiles(directory, (path) => path.endsWith("_test.ts")));
  }
  return [
    ...context.gates.map(gateUnit),
    ...pgTapPaths.map((path): Unit => ({
      name: path,
      isAlone: false,
      run: () => context.pgTap.run(path),
    })),
    ...await Promise.all(denoPaths.map((path) => denoUnit(path, context))),
  ];
}

function gateUnit(gate: Gate): Unit {
  const run = async (): Promise<Outcome> => {
    const findings = await gate.run();
    return findings.length > 0
      ? failure(...findings.map(formatFinding))
      : { passed: 1, failed: 0, skipped: 0, report: [] };
  };
  return { name: `check/${gate.name}`, isAlone: false, run };
}

/** A test that uses the harness gets the run's cluster; one that does not must not wait for it. */
async function denoUnit(path: string, context: RunContext): Promise<Unit> {
  const text = await Deno.readTextFile(projectRoot + path);
  const run = async (): Promise<Outcome> => {
    const needsCluster = text.includes("harness/") || path.startsWith("tests/harness/");
    const env: Record<string, string> = {};
    if (needsCluster) env[CLUSTER_VARIABLE] = clusterToEnvironment(await context.cluster());
    const tempDir = await Deno.makeTempDir({ dir: context.tempDir });
    // Servers that run as another user must be able to walk to their files.
    await Deno.chmod(tempDir, 0o711);
    return await runDenoTestFile(path, { tempDir, env, signal: context.signal });
  };
  return { name: path, isAlone: text.startsWith(ALONE_MARKER), run };
}
