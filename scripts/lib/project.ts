import { fileURLToPath } from "node:url";

/** Absolute path of the project, with a trailing slash. */
export const projectRoot: string = fileURLToPath(new URL("../../", import.meta.url));

/** A text file of the project; `path` is relative to the project with `/` between its parts. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Written by `deno task gen`, never by hand; gates about style and size leave them alone. */
export const GENERATED_FILES: ReadonlySet<string> = new Set([
  "supabase/schema.sql",
  "supabase/functions/_shared/contracts/database.types.ts",
  "docs/states.md",
]);

const SKIPPED_DIRECTORIES: ReadonlySet<string> = new Set(["node_modules", "coverage"]);
const TEXT_FILE = /(\.(ts|tsx|js|mjs|css|html|sql|md|toml|json|jsonc|ya?ml|sh|txt)|^\.ci\/run)$/;
const HIDDEN_BUT_OURS: ReadonlySet<string> = new Set([".ci", ".github"]);

/**
 * Paths of all files below `directory` (relative to the project) that `accepts` takes, sorted.
 * Installed packages and hidden directories are not entered; an absent directory holds no files.
 */
export async function listFiles(
  directory: string,
  accepts: (path: string) => boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesOf(directory)) {
    const path = directory === "" ? entry.name : `${directory}/${entry.name}`;
    if (entry.isDirectory && isEntered(entry.name)) found.push(...await listFiles(path, accepts));
    if (entry.isFile && accepts(path)) found.push(path);
  }
  return found.sort();
}

/** Every text file that the project itself wrote, generated ones included, lock file excluded. */
export async function readProjectFiles(): Promise<SourceFile[]> {
  const paths = await listFiles("", (path) => TEXT_FILE.test(path));
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await Deno.readTextFile(projectRoot + path) })),
  );
}

function isEntered(name: string): boolean {
  return !SKIPPED_DIRECTORIES.has(name) && (!name.startsWith(".") || HIDDEN_BUT_OURS.has(name));
}

async function entriesOf(directory: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(projectRoot + directory));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
