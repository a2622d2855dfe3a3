import postgres from "postgres";
import { generateDatabaseTypes } from "./catalog/database_types.ts";
import { dumpSchemas } from "./catalog/schema_dump.ts";
import { generateStatesDocument } from "./catalog/states_document.ts";
import type { Finding } from "./gate.ts";
import { projectRoot, type SourceFile } from "./project.ts";

interface Artefact {
  readonly path: string;
  /** Given to `deno fmt`, so that the formatter agrees with what was generated; absent: left as it is. */
  readonly format?: "ts" | "md";
  readonly generate: (sql: postgres.Sql) => Promise<string>;
}

const ARTEFACTS: readonly Artefact[] = [
  { path: "supabase/schema.sql", generate: dumpSchemas },
  {
    path: "supabase/functions/_shared/contracts/database.types.ts",
    format: "ts",
    generate: generateDatabaseTypes,
  },
  { path: "docs/states.md", format: "md", generate: generateStatesDocument },
];

/** Every generated file as it should be for the migrated database at `url`. */
export async function generateFiles(url: string): Promise<SourceFile[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const files: SourceFile[] = [];
    for (const { path, format, generate } of ARTEFACTS) {
      const text = await generate(sql);
      files.push({ path, text: format ? await denoFormat(text, format) : text });
    }
    return files;
  } finally {
    await sql.end();
  }
}

/** Generated files that are absent or differ from what the migrations make of them. */
export function findDrift(generated: readonly SourceFile[], present: ReadonlyMap<string, string>): Finding[] {
  return generated.flatMap(({ path, text }) => {
    const current = present.get(path);
    if (current === text) return [];
    const line = current === undefined ? 1 : firstDifference(current, text);
    return [{
      path,
      line,
      message: "Not what the migrations make of it; run `deno task gen` and commit the result.",
    }];
  });
}

/** The text on disk of those of the paths that exist. */
export async function readPresent(paths: readonly string[]): Promise<Map<string, string>> {
  const present = new Map<string, string>();
  for (const path of paths) {
    const text = await Deno.readTextFile(projectRoot + path).catch(() => null);
    if (text !== null) present.set(path, text);
  }
  return present;
}

function firstDifference(left: string, right: string): number {
  const others = right.split("\n");
  const index = left.split("\n").findIndex((line, at) => line !== others[at]);
  return index === -1 ? others.length : index + 1;
}

async function denoFormat(text: string, extension: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", extension, "-"],
    cwd: projectRoot,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await output;
  if (!success) {
    throw new Error(`Formatting generated ${extension} failed: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}
