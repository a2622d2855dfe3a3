/**
 * `deno task gen`: writes what follows from the migrations: the schema dump, the TypeScript types and the
 * state diagrams. With `--check` it writes nothing and fails when one of them is not current.
 */
import { startTestCluster } from "../tests/harness/cluster.ts";
import { cloneTemplate } from "../tests/harness/database.ts";
import { formatFinding } from "./lib/gate.ts";
import { findDrift, generateFiles, readPresent } from "./lib/generate.ts";
import { projectRoot, type SourceFile } from "./lib/project.ts";

Deno.exit(await main(Deno.args));

async function main(args: string[]): Promise<number> {
  const unknown = args.filter((arg) => arg !== "--check");
  if (unknown.length > 0) {
    console.error(`Unknown argument ${unknown.join(" ")}; the only one is --check.`);
    return 2;
  }
  const files = await generateFromMigrations();
  const drift = findDrift(files, await readPresent(files.map(({ path }) => path)));
  if (args.includes("--check")) {
    for (const finding of drift) console.error(formatFinding(finding));
    return drift.length > 0 ? 1 : 0;
  }
  for (const { path, text } of files) await write(path, text);
  console.log(
    drift.length > 0 ? drift.map(({ path }) => `written ${path}`).join("\n") : "everything was current",
  );
  return 0;
}

async function generateFromMigrations(): Promise<SourceFile[]> {
  const cluster = await startTestCluster();
  try {
    await using database = await cloneTemplate(cluster, "gen");
    return await generateFiles(database.url);
  } finally {
    await cluster.stop();
  }
}

async function write(path: string, text: string): Promise<void> {
  await Deno.mkdir(new URL(".", `file://${projectRoot}${path}`), { recursive: true });
  await Deno.writeTextFile(projectRoot + path, text);
}
