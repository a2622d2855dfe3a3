/** Memory of processes as the kernel counts it (`/proc`); on other systems nothing is measured. */
import type { Sql } from "postgres";

/** Memory of a process, in bytes. */
export interface ProcessMemory {
  /** VmRSS: every page that is in memory, also those of the program file that all processes of it share. */
  readonly resident: number;
  /** RssAnon: the pages that are the process's own. */
  readonly own: number;
}

const KIB = 1024;

/** Reads a process's memory; null: there is no such process (any more), or the system does not tell. */
export function readMemory(pid: number): ProcessMemory | null {
  try {
    return parseMemory(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return null;
  }
}

/** The two figures in the text of `/proc/<pid>/status`; null: a process that has ended shows none. */
export function parseMemory(status: string): ProcessMemory | null {
  const resident = kibOf(status, "VmRSS");
  const own = kibOf(status, "RssAnon");
  return resident === null || own === null ? null : { resident: resident * KIB, own: own * KIB };
}

/** The server's own process, parent of every session's; null where the system does not tell. */
export async function findPostmaster(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return row === undefined ? null : parentOf(row.pid);
}

/** The private memory of a process and its children (bytes), and how many they are. Shared buffers are not in it. */
export function readFamily(pid: number): { readonly own: number; readonly processes: number } {
  let own = 0;
  let processes = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name) || (Number(name) !== pid && parentOf(Number(name)) !== pid)) continue;
    own += readMemory(Number(name))?.own ?? 0;
    processes++;
  }
  return { own, processes };
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? NaN) || null;
  } catch {
    return null;
  }
}

function kibOf(status: string, field: string): number | null {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  return match === null ? null : Number(match[1]);
}
