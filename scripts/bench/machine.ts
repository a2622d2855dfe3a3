/** Where the benchmarks ran and how busy that place was. */
import { cpus, loadavg, totalmem } from "node:os";
import process from "node:process";
import type { Sql } from "postgres";
import { readUsage } from "../../local/worker_limits.ts";

/** What a reader needs to compare figures of two machines. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly os: string;
  readonly deno: string;
  /** One-minute load average when the run began: above zero others had their share. */
  readonly load_at_start: number;
  readonly measured_at: string;
}

const GIB = 2 ** 30;
/** Clock ticks of `/proc` on every Linux that Deno runs on, in milliseconds. */
const TICK_MS = 10;

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memory_gib: Math.round(totalmem() / GIB),
    os: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    load_at_start: loadNow(),
    measured_at: new Date().toISOString(),
  };
}

/** The one-minute load average; 0 where the system keeps none. */
export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 100) / 100;
}

/** CPU time of the three parts of a stack so far, in milliseconds. */
export interface CpuTimes {
  /** All processes of the database server, ended ones included. */
  readonly database: number;
  /** Gateway, Realtime, pg_net, pg_cron and the benchmark's own clients: one process. */
  readonly main: number;
  /** The Edge Function's processes that are alive. */
  readonly worker: number;
}

/** Reads the CPU times; null where the system has no `/proc`. */
export async function readCpuTimes(sql: Sql, workerPids: readonly number[]): Promise<CpuTimes | null> {
  if (Deno.build.os !== "linux") return null;
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const postmaster = parentOf(row?.pid ?? 0);
  if (postmaster === null) return null;
  const { user, system } = process.cpuUsage();
  return {
    database: familyCpuMs(postmaster),
    main: (user + system) / 1_000,
    worker: workerPids.reduce((sum, pid) => sum + (readUsage(pid)?.cpuMs ?? 0), 0),
  };
}

/** CPU time of a process, of the children it has waited for, and of its living children. */
function familyCpuMs(pid: number): number {
  let ticks = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    const fields = /^\d+$/.test(name) ? statFields(Number(name)) : null;
    if (fields === null) continue;
    if (Number(name) === pid) {
      ticks += [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    } else if (fields[1] === String(pid)) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MS;
}

function parentOf(pid: number): number | null {
  const parent = statFields(pid)?.[1];
  return parent === undefined ? null : Number(parent);
}

/** Fields of `/proc/<pid>/stat` from the third on; the name before them may hold spaces. Null: no such process. */
function statFields(pid: number): string[] | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
