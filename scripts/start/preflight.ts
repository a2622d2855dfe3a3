/** What can be known to fail before anything is started. */
import { join } from "node:path";
import { type StartOptions, UsageError } from "./options.ts";

/** Something on this machine is in the way; the message says what to do. Exit code 1. */
export class BlockedError extends Error {
  override readonly name = "BlockedError";
}

/** Throws a `UsageError` for input that cannot work, a `BlockedError` when the port is taken. */
export async function checkMachine(options: StartOptions): Promise<void> {
  await checkMarketFiles(options);
  checkPort(options.port);
  await checkDataDir(options.dataDir);
  await checkAlone(options.dataDir);
}

async function checkMarketFiles({ market }: StartOptions): Promise<void> {
  if (market.kind !== "replay") return;
  for (const { path } of market.files) {
    const found = await Deno.stat(path).catch(() => null);
    if (found?.isFile) continue;
    throw new UsageError(
      `--market replay: there is no file ${path}. Check the path; a relative one starts at the project.`,
    );
  }
}

function checkPort(port: number): void {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new BlockedError(`Port ${port} is reserved for the system. Choose one above 1023 with --port.`);
    }
    throw new BlockedError(
      `Port ${port} on 127.0.0.1 is taken by another program. Stop that program, or choose another port with --port.`,
    );
  }
}

/** Started as root, the database lives under another user, who must be able to pass through. */
async function checkDataDir(dataDir: string): Promise<void> {
  const probe = join(dataDir, ".writable");
  try {
    await Deno.mkdir(dataDir, { recursive: true });
    await Deno.writeTextFile(probe, "");
    await Deno.remove(probe);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/: \w+ '.*$/, "") : String(error);
    throw new UsageError(
      `The data directory ${dataDir} cannot be written to (${reason}). Name another one with --data-dir.`,
    );
  }
}

/** A second program on the same data would first take the running one's env file away. */
async function checkAlone(dataDir: string): Promise<void> {
  const path = join(dataDir, "postgres", "owner.lock");
  const file = await Deno.open(path, { read: true, write: true }).catch(() => null);
  if (file === null) return;
  const isFree = await file.tryLock(true);
  file.close();
  if (isFree) return;
  const owner = (await Deno.readTextFile(path)).trim();
  throw new BlockedError(
    `The data directory ${dataDir} is in use by another start (process ${owner}). Stop that one, or name another ` +
      "directory with --data-dir.",
  );
}
