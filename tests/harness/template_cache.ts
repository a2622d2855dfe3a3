import { createHash } from "node:crypto";
import { listFiles, projectRoot } from "../../scripts/lib/project.ts";

const CACHE_DIRECTORY = `${projectRoot}.fillbase/cache`;
const ENTRY_PREFIX = "template-";
/** Kept entries, the newest: one for the work at hand, a few for branches one switches between. */
const CACHE_ENTRIES_MAX = 4;

/** Everything that decides what a migrated database looks like; a change in any of it makes a new key. */
const INPUT_DIRECTORIES = ["supabase/migrations", "local/sql", "tests/harness"] as const;
const INPUT_FILES = ["deno.lock", "supabase/config.toml"] as const;
const INPUT_MODULES = /^local\/(bootstrap|extensions|postgres)\w*\.ts$/;

/** A key for the present sources: the same sources give the same key on every machine. */
export async function templateKey(): Promise<string> {
  const paths: string[] = [...INPUT_FILES];
  for (const directory of INPUT_DIRECTORIES) paths.push(...await listFiles(directory, () => true));
  paths.push(...await listFiles("local", (path) => INPUT_MODULES.test(path)));
  const hash = createHash("sha256");
  for (const path of paths.sort()) {
    const content = await Deno.readFile(projectRoot + path).catch(() => new Uint8Array());
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex").slice(0, 32);
}

/** Copies the cached cluster to `dataDir`, which must not exist yet; `false` when there is none. */
export async function restoreTemplate(key: string, dataDir: string): Promise<boolean> {
  if (!await exists(entryPath(key))) return false;
  await copyTree(entryPath(key), dataDir);
  return true;
}

/**
 * Keeps a copy of a cleanly stopped cluster. The copy appears under its name by a rename, so another
 * test run sees all of it or nothing; losing that race is fine, both copies are equal.
 */
export async function storeTemplate(key: string, dataDir: string): Promise<void> {
  await Deno.mkdir(CACHE_DIRECTORY, { recursive: true });
  const draft = `${CACHE_DIRECTORY}/draft-${crypto.randomUUID()}`;
  await copyTree(dataDir, draft);
  try {
    await Deno.rename(draft, entryPath(key));
  } catch (error) {
    await Deno.remove(draft, { recursive: true });
    if (!await exists(entryPath(key))) throw error;
  }
  await dropOldEntries();
}

function entryPath(key: string): string {
  return `${CACHE_DIRECTORY}/${ENTRY_PREFIX}${key}`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** `cp -a` because it keeps the owner: as root the server runs as another user, who must own its files. */
async function copyTree(from: string, to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("cp", { args: ["-a", from, to] }).output();
  if (!success) throw new Error(`Copying ${from} failed: ${new TextDecoder().decode(stderr)}`);
}

async function dropOldEntries(): Promise<void> {
  const entries: { path: string; createdAt: number }[] = [];
  for await (const { name } of Deno.readDir(CACHE_DIRECTORY)) {
    if (!name.startsWith(ENTRY_PREFIX)) continue;
    const path = `${CACHE_DIRECTORY}/${name}`;
    entries.push({ path, createdAt: (await Deno.stat(path)).ctime?.getTime() ?? 0 });
  }
  entries.sort((a, b) => b.createdAt - a.createdAt);
  for (const { path } of entries.slice(CACHE_ENTRIES_MAX)) {
    await Deno.remove(path, { recursive: true }).catch(() => {});
  }
}
