/**
 * The OS user PostgreSQL runs as. The server refuses to run as root, so a root caller lends it another identity;
 * every directory on the way to the binaries and the data must then be open to that identity.
 */
import { dirname } from "node:path";

/** Numeric OS user and group. */
export interface OsIdentity {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** Users a root caller may lend, the most fitting first. */
const CANDIDATES = ["postgres", "nobody"];

/** The identity to run PostgreSQL under, or null when the caller is an ordinary user and keeps its own. */
export async function serverIdentity(): Promise<OsIdentity | null> {
  if (Deno.uid() !== 0) return null;
  const users = new Map<string, OsIdentity>();
  for (const line of (await Deno.readTextFile("/etc/passwd")).split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name && uid && gid) users.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  for (const candidate of CANDIDATES) {
    const found = users.get(candidate);
    if (found) return found;
  }
  throw new Error(
    `PostgreSQL cannot run as root and this machine has no user ${CANDIDATES.join(" or ")}. ` +
      "Start as an ordinary user, or create one: useradd --system postgres",
  );
}

/** The first directory on the way to `path` that the identity may not enter, or null when all are open. */
export function pathBlockedFor(path: string, identity: OsIdentity | null): string | null {
  if (identity === null) return null;
  const ancestors: string[] = [];
  for (let at = Deno.realPathSync(path);; at = dirname(at)) {
    ancestors.unshift(at);
    if (at === dirname(at)) break;
  }
  return ancestors.find((directory) => !mayEnter(directory, identity)) ?? null;
}

function mayEnter(directory: string, identity: OsIdentity): boolean {
  const { mode, uid, gid } = Deno.statSync(directory);
  if (mode === null) return true;
  if (uid === identity.uid) return (mode & 0o100) !== 0;
  if (gid === identity.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/** True when nobody but the caller can have put something into the directory. */
export function isExclusivelyOurs(directory: string): boolean {
  const { mode, uid, isDirectory } = Deno.lstatSync(directory);
  return isDirectory && uid === Deno.uid() && ((mode ?? 0) & 0o022) === 0;
}

/** Spawn options that make a child run under the identity. */
export function spawnAs(identity: OsIdentity | null): { uid?: number; gid?: number } {
  return identity === null ? {} : { uid: identity.uid, gid: identity.gid };
}
