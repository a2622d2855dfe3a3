/**
 * `deno task check [names...]`: format, lint, types, import rules, code rules, words, sizes, migrations,
 * generated files, and the advice of Supabase's linter. Prints what is wrong as `path:line: message`.
 * Exit code 0 only if nothing is.
 */
import { startTestCluster, type TestCluster } from "../tests/harness/cluster.ts";
import { formatFinding, type Gate } from "./lib/gate.ts";
import { projectGates } from "./lib/gates/mod.ts";

Deno.exit(await main(Deno.args));

async function main(names: string[]): Promise<number> {
  let started: Promise<TestCluster> | null = null;
  const all = projectGates(() => started ??= startTestCluster());
  const unknown = names.filter((name) => !all.some((gate) => gate.name === name));
  if (unknown.length > 0) {
    console.error(
      `No gate is named ${unknown.join(", ")}; there are ${all.map(({ name }) => name).join(", ")}.`,
    );
    return 2;
  }
  try {
    const gates = all.filter(({ name }) => names.length === 0 || names.includes(name));
    let failed = 0;
    for (const gate of gates) failed += await report(gate) ? 0 : 1;
    console.log(`${gates.length - failed} passed, ${failed} failed`);
    return failed > 0 ? 1 : 0;
  } finally {
    await (started as Promise<TestCluster> | null)?.then((cluster) => cluster.stop(), () => {});
  }
}

/** Whether the gate is passed. One that cannot be run is not. */
async function report(gate: Gate): Promise<boolean> {
  try {
    const findings = await gate.run();
    console.log(`${findings.length > 0 ? "FAIL" : "  ok"} ${gate.name}`);
    for (const finding of findings) console.error(`     ${formatFinding(finding)}`);
    return findings.length === 0;
  } catch (error) {
    console.log(`FAIL ${gate.name}`);
    console.error(`     ${error instanceof Error ? error.message : error}`);
    return false;
  }
}
