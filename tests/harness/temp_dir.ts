import { statfs } from "node:fs/promises";

/** On Linux a file system in memory that every user may write to. */
const MEMORY_DIRECTORY = "/dev/shm";
/** A run's cluster with a gigabyte of write-ahead log and its clones stays below this. */
const FREE_BYTES_MIN = 2 * 1024 ** 3;

/**
 * A new directory for throw-away data, in memory where there is room and else where temporary files go.
 * Creating a database means creating 300 files: measured 0.13 s against 1.2 s for a cluster, 0.07 s against
 * 0.45 s for a clone. Others may walk through it, because as root the server runs as another user.
 */
export async function makeFastTempDir(prefix: string): Promise<string> {
  const path = await Deno.makeTempDir({ prefix, ...(await hasRoom() ? { dir: MEMORY_DIRECTORY } : {}) });
  await Deno.chmod(path, 0o711);
  return path;
}

async function hasRoom(): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(MEMORY_DIRECTORY);
    return bavail * bsize >= FREE_BYTES_MIN;
  } catch {
    return false; // no such directory: not Linux, or a bare container
  }
}
