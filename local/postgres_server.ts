/**
 * One postmaster process: start it, know when it is ready, stop it within a bound, and never leave it behind.
 */
import { TextLineStream } from "./text_lines.ts";
import { join } from "node:path";
import { type OsIdentity, spawnAs } from "./postgres_identity.ts";

/** What a postmaster needs to run. */
export interface ServerPlan {
  readonly program: string;
  /** PGDATA, absolute. */
  readonly cluster: string;
  readonly identity: OsIdentity | null;
  readonly port: number;
  readonly durability: "full" | "fast";
  readonly log: (line: string) => void;
}

/** A postmaster that accepts connections. */
export interface RunningServer {
  readonly pid: number;
  /** Resolves when the process is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** Fast shutdown; an immediate one when that takes too long. Sessions are ended, committed rows stay. */
  stop(): Promise<void>;
}

/** Why a postmaster did not come up. */
export class ServerStartError extends Error {
  constructor(readonly reason: "port_taken" | "predecessor_alive" | "other", message: string) {
    super(message);
    this.name = "ServerStartError";
  }
}

const READY_TIMEOUT_MS = 60_000;
const FAST_STOP_TIMEOUT_MS = 10_000;
const IMMEDIATE_STOP_TIMEOUT_MS = 5_000;
const LOG_TAIL_LINES = 30;
const READY = "database system is ready to accept connections";

/** Starts a postmaster and resolves once it accepts connections. */
export async function startServer(plan: ServerPlan): Promise<RunningServer> {
  const child = new Deno.Command(plan.program, {
    args: ["-D", plan.cluster, ...settings(plan).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    // Its own process group: Ctrl-C reaches the program that owns the server, which then stops it in good order.
    detached: true,
    ...spawnAs(plan.identity),
  }).spawn();
  const watchdog = startWatchdog(child.pid, plan.identity);
  const tail: string[] = [];
  const ready = Promise.withResolvers<boolean>();
  const drained = followLog(child.stderr, (line) => {
    if (tail.push(line) > LOG_TAIL_LINES) tail.shift();
    plan.log(line);
    if (line.includes(READY)) ready.resolve(true);
  });
  const exited = Promise.all([child.status, drained]).then(() => {
    watchdog.release();
    ready.resolve(false);
  });
  const deadline = setTimeout(() => ready.resolve(false), READY_TIMEOUT_MS);
  const isReady = await ready.promise;
  clearTimeout(deadline);
  const server = { pid: child.pid, exited, stop: () => stopProcess(child.pid, exited) };
  if (isReady) return server;
  await server.stop();
  throw startError(plan, tail);
}

/** Passed as arguments, so that no old configuration file decides how a new version of this program runs. */
function settings(plan: ServerPlan): [name: string, value: string][] {
  const fast: [string, string][] = [["fsync", "off"], ["full_page_writes", "off"]];
  return [
    ["port", String(plan.port)],
    ["listen_addresses", "127.0.0.1"],
    ["unix_socket_directories", ""],
    ["max_connections", "200"],
    ["shared_buffers", "128MB"],
    // Files in the data directory, which a restart clears away; segments of a killed server would stay for ever.
    ["dynamic_shared_memory_type", "mmap"],
    ["wal_level", "logical"],
    ["max_wal_senders", "20"],
    ["max_replication_slots", "20"],
    ["shared_preload_libraries", "pg_stat_statements"],
    ["password_encryption", "scram-sha-256"],
    ["statement_timeout", "2min"],
    ["timezone", "UTC"],
    ["log_timezone", "UTC"],
    ["lc_messages", "C"],
    ["logging_collector", "off"],
    ["log_destination", "stderr"],
    ["log_statement", "none"],
    // A failing statement is not repeated in the log: it may carry a key, a token or a secret.
    ["log_min_error_statement", "panic"],
    ["log_parameter_max_length_on_error", "0"],
    ["synchronous_commit", "on"],
    ...(plan.durability === "fast" ? fast : []),
  ];
}

function startError(plan: ServerPlan, tail: readonly string[]): ServerStartError {
  const log = tail.join("\n");
  if (/could not bind .*Address already in use/.test(log)) {
    return new ServerStartError(
      "port_taken",
      `port ${plan.port} on 127.0.0.1 is taken by another program, so PostgreSQL cannot listen there. ` +
        `Stop that program, or choose another port (0 takes a free one).`,
    );
  }
  if (/pre-existing shared memory block|lock file "postmaster.pid" already exists/.test(log)) {
    return new ServerStartError(
      "predecessor_alive",
      `another PostgreSQL still uses ${plan.cluster}:\n${log}`,
    );
  }
  return new ServerStartError("other", `PostgreSQL did not start on ${plan.cluster}. Its log ends:\n${log}`);
}

async function followLog(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  for await (const line of stream.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
    onLine(line);
  }
}

/**
 * A shell that waits for this program to disappear, even by kill -9, and then shuts the server down: its standard
 * input is a pipe that only this program holds open.
 */
function startWatchdog(pid: number, identity: OsIdentity | null): { release(): void } {
  const watchdog = new Deno.Command("/bin/sh", {
    args: ["-c", 'trap "" INT TERM HUP; cat >/dev/null; kill -INT "$1"', "postgres-watchdog", String(pid)],
    cwd: "/",
    stdin: "piped",
    stdout: "null",
    stderr: "null",
    detached: true,
    ...spawnAs(identity),
  }).spawn();
  watchdog.unref();
  return {
    release() {
      signal(-watchdog.pid, "SIGKILL");
      watchdog.stdin.close().catch(() => {});
    },
  };
}

/** Ends a server of an earlier run that still holds the cluster, for instance after this program was killed. */
export async function stopPredecessor(cluster: string, log: (line: string) => void): Promise<void> {
  const pid = await predecessorPid(cluster);
  if (pid === null) return;
  log(`an earlier PostgreSQL (process ${pid}) still runs on ${cluster}; stopping it`);
  await stopProcess(pid, untilGone(pid));
}

async function predecessorPid(cluster: string): Promise<number | null> {
  const lockFile = await Deno.readTextFile(join(cluster, "postmaster.pid")).catch(() => "");
  const pid = Number(lockFile.split("\n", 1)[0]);
  if (!Number.isSafeInteger(pid) || pid <= 1) return null;
  return (await commandLine(pid)).includes(cluster) ? pid : null;
}

/** The process's arguments, empty when it is gone. The pid alone proves nothing: the system reuses pids. */
async function commandLine(pid: number): Promise<string> {
  if (Deno.build.os === "linux") return await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "command=", "-p", String(pid)] }).output();
  return new TextDecoder().decode(stdout);
}

async function untilGone(pid: number): Promise<void> {
  while ((await commandLine(pid)) !== "") await delay(10);
}

async function stopProcess(pid: number, exited: Promise<void>): Promise<void> {
  const steps: [Deno.Signal, number][] = [
    ["SIGINT", FAST_STOP_TIMEOUT_MS],
    ["SIGQUIT", IMMEDIATE_STOP_TIMEOUT_MS],
    ["SIGKILL", IMMEDIATE_STOP_TIMEOUT_MS],
  ];
  for (const [name, patienceMs] of steps) {
    signal(pid, name);
    if (await settlesWithin(exited, patienceMs)) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) does not end, not even by SIGKILL`);
}

/** A process that is already gone is what every caller wants. */
function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function settlesWithin(promise: Promise<void>, ms: number): Promise<boolean> {
  const timer = Promise.withResolvers<boolean>();
  const id = setTimeout(() => timer.resolve(false), ms);
  try {
    return await Promise.race([promise.then(() => true), timer.promise]);
  } finally {
    clearTimeout(id);
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
