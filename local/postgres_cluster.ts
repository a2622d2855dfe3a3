/**
 * The data directory: its layout, its secrets and its creation. Everything is made under a temporary name and renamed,
 * so an interrupted first start leaves nothing that a second start would mistake for a database.
 */
import { join } from "node:path";
import type { PostgresBinaries } from "./postgres_binaries.ts";
import { type OsIdentity, pathBlockedFor, spawnAs } from "./postgres_identity.ts";

/** Database roles that log in with a password of their own. */
export type LoginRole = "supabase_admin" | "postgres";

/** Files of one data directory. */
export interface ClusterPaths {
  /** The database cluster (PGDATA), owned by the server's OS user. */
  readonly cluster: string;
  /** Passwords of the login roles, readable by the caller only. */
  readonly passwords: string;
  /** Locked by the program that runs the server. */
  readonly lock: string;
  /** Root key of Vault. Outside the cluster, so that neither a dump nor a base backup contains it. */
  readonly vaultKey: string;
}

const SECRET_BYTES = 32;

/** Makes the data directory usable by the server's identity; says what to do when it cannot be. */
export async function prepareDataDirectory(
  dataDir: string,
  identity: OsIdentity | null,
): Promise<ClusterPaths> {
  await Deno.mkdir(dataDir, { recursive: true });
  const root = await Deno.realPath(dataDir);
  if (identity !== null && pathBlockedFor(root, identity) === root) {
    await Deno.chmod(root, ((await Deno.stat(root)).mode ?? 0) & 0o777 | 0o011);
  }
  const blocked = pathBlockedFor(root, identity);
  if (blocked !== null) {
    throw new Error(
      `PostgreSQL runs as the OS user "${identity?.name}", which may not enter ${blocked} on the way to its data. ` +
        `Choose another data directory, or open the way: chmod o+x ${blocked}`,
    );
  }
  return {
    cluster: join(root, "cluster"),
    passwords: join(root, "passwords.json"),
    lock: join(root, "owner.lock"),
    vaultKey: join(root, "vault.key"),
  };
}

/**
 * Makes this program the only one on the data directory until the file is closed; the operating system closes it when
 * the program dies. Two owners would each restart the server that the other stops.
 */
export async function lockDataDirectory(paths: ClusterPaths): Promise<Deno.FsFile> {
  const file = await Deno.open(paths.lock, { read: true, write: true, create: true, mode: 0o600 });
  if (!(await file.tryLock(true))) {
    file.close();
    const owner = (await Deno.readTextFile(paths.lock)).trim() || "unknown";
    throw new Error(
      `the data directory of ${paths.cluster} is in use by another program (process ${owner}). Stop it, or choose ` +
        "another data directory.",
    );
  }
  await file.truncate();
  await file.write(new TextEncoder().encode(`${Deno.pid}\n`));
  return file;
}

/** Passwords of the login roles, created on first use. A cluster whose passwords are lost cannot be opened. */
export async function rolePasswords(paths: ClusterPaths): Promise<Record<LoginRole, string>> {
  try {
    return JSON.parse(await Deno.readTextFile(paths.passwords));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (await isInitialised(paths)) {
    throw new Error(
      `${paths.passwords} is missing, so the database beside it cannot be opened. Restore the file, or remove ` +
        "the data directory to begin with an empty database.",
    );
  }
  const passwords = { supabase_admin: randomSecret(), postgres: randomSecret() };
  await writeSecret(paths.passwords, JSON.stringify(passwords), null);
  return passwords;
}

/** Creates the cluster when absent, gives it to the server's identity when another one made it. */
export async function ensureCluster(
  paths: ClusterPaths,
  binaries: PostgresBinaries,
  identity: OsIdentity | null,
  passwords: Record<LoginRole, string>,
): Promise<void> {
  if (!(await exists(paths.vaultKey))) await writeSecret(paths.vaultKey, randomSecret(), identity);
  if (await isInitialised(paths)) return await adopt(paths, identity);
  const fresh = `${paths.cluster}.new`;
  const passwordFile = `${paths.cluster}.pw`;
  await Deno.remove(fresh, { recursive: true }).catch(ignoreNotFound);
  await Deno.mkdir(fresh, { mode: 0o700 });
  if (identity) await Deno.chown(fresh, identity.uid, identity.gid);
  await writeSecret(passwordFile, passwords.supabase_admin, identity);
  try {
    await initialise(fresh, passwordFile, binaries, identity);
  } finally {
    await Deno.remove(passwordFile);
  }
  await createLoginRole(fresh, binaries, identity, passwords.postgres);
  await Deno.rename(fresh, paths.cluster);
}

/**
 * The builtin C.UTF-8 locale sorts the same on every machine. SCRAM iterations slow down guessing, which a random
 * 256-bit password does not need; each connection would pay for them.
 */
async function initialise(
  directory: string,
  passwordFile: string,
  binaries: PostgresBinaries,
  identity: OsIdentity | null,
): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(binaries.initdb, {
    args: [
      `--pgdata=${directory}`,
      "--username=supabase_admin",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-sync",
      "--no-instructions",
      "--set=scram_iterations=1",
    ],
    cwd: "/",
    ...spawnAs(identity),
  }).output();
  if (code === 0) return;
  const decoder = new TextDecoder();
  throw new Error(
    `initdb could not create the database in ${directory}:\n${decoder.decode(stdout)}${
      decoder.decode(stderr)
    }`,
  );
}

/** Single-user mode needs no port and no second connection, and the password appears in no argument list. */
async function createLoginRole(
  directory: string,
  binaries: PostgresBinaries,
  identity: OsIdentity | null,
  password: string,
): Promise<void> {
  const child = new Deno.Command(binaries.postgres, {
    args: ["--single", "-D", directory, "-c", "fsync=off", "postgres"],
    cwd: "/",
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...spawnAs(identity),
  }).spawn();
  const input = child.stdin.getWriter();
  await input.write(new TextEncoder().encode(`create role postgres login password '${password}'\n`));
  await input.close();
  const { code, stderr } = await child.output();
  const log = new TextDecoder().decode(stderr);
  if (code !== 0 || /^.*\b(ERROR|FATAL):/m.test(log)) {
    throw new Error(`PostgreSQL could not create the role postgres:\n${log}`);
  }
}

async function adopt(paths: ClusterPaths, identity: OsIdentity | null): Promise<void> {
  const owner = (await Deno.stat(join(paths.cluster, "PG_VERSION"))).uid;
  if (owner === (identity?.uid ?? Deno.uid())) return;
  if (identity === null) {
    throw new Error(
      `the database in ${paths.cluster} belongs to another OS user (uid ${owner}). Start as that user, or choose ` +
        "another data directory.",
    );
  }
  await chownTree(paths.cluster, identity);
  await Deno.chown(paths.vaultKey, identity.uid, identity.gid);
}

async function chownTree(path: string, identity: OsIdentity): Promise<void> {
  await Deno.chown(path, identity.uid, identity.gid);
  for await (const entry of Deno.readDir(path)) {
    const child = join(path, entry.name);
    if (entry.isDirectory) await chownTree(child, identity);
    else if (entry.isFile) await Deno.chown(child, identity.uid, identity.gid);
  }
}

async function isInitialised(paths: ClusterPaths): Promise<boolean> {
  return await exists(join(paths.cluster, "PG_VERSION"));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function randomSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Written under another name and renamed: a reader sees the whole secret or none. */
async function writeSecret(path: string, text: string, owner: OsIdentity | null): Promise<void> {
  const partial = `${path}.partial`;
  await Deno.remove(partial).catch(ignoreNotFound);
  await Deno.writeTextFile(partial, text, { createNew: true, mode: 0o600 });
  if (owner) await Deno.chown(partial, owner.uid, owner.gid);
  await Deno.rename(partial, path);
}
