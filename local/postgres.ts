/**
 * A PostgreSQL 17 server for the local platform, without Docker and without an installed PostgreSQL. The binaries come
 * from npm; everything about their life (creation, restart after a crash, shutdown, leftovers) is decided here.
 */
import { installExtensions } from "./extensions.ts";
import { locateBinaries } from "./postgres_binaries.ts";
import {
  ensureCluster,
  lockDataDirectory,
  type LoginRole,
  prepareDataDirectory,
  rolePasswords,
} from "./postgres_cluster.ts";
import { serverIdentity } from "./postgres_identity.ts";
import {
  type RunningServer,
  type ServerPlan,
  ServerStartError,
  startServer,
  stopPredecessor,
} from "./postgres_server.ts";

/** A running server. Connection URLs contain the passwords: never log them. */
export interface LocalPostgres {
  /** TCP port on 127.0.0.1; stays the same across restarts. */
  readonly port: number;
  /** Superuser `supabase_admin`, database `postgres`: bootstrap and the stand-ins of hosted services. */
  readonly adminUrl: string;
  /** Role `postgres`, which is not a superuser, database `postgres`: migrations, functions, data API. */
  readonly url: string;
  /** URL of another database of this server. */
  urlFor(database: string, role?: LoginRole): string;
  /** Called each time a server that died was restarted and accepts connections again. */
  onRestart(listener: () => void): void;
  /** Called once when the server keeps dying and is given up; the error says why. */
  onFailure(listener: (error: Error) => void): void;
  /** Ends all sessions and the server. Safe to call twice. */
  stop(): Promise<void>;
}

/** How to run the server. */
export interface PostgresOptions {
  /** Created when absent. One server at a time per directory. */
  dataDir: string;
  /** 0 or absent: a free one. */
  port?: number;
  /** `fast` turns fsync and full_page_writes off: for throw-away data. A commit stays visible at once in both. */
  durability: "full" | "fast";
  /** Receives the server's log, line by line. */
  log?: (line: string) => void;
}

/** A server that dies this often within the window is given up: restarting would only hide the cause. */
const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 60_000;
/** Sessions of a killed postmaster need a moment to notice; until then a new one must not start. */
const PREDECESSOR_PATIENCE_MS = 10_000;
const PREDECESSOR_RETRY_MS = 25;
/** Another program can take a free port before the server does. */
const FREE_PORT_ATTEMPTS = 5;

/** Starts the server on the data directory, creating the database cluster when there is none. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const log = options.log ?? (() => {});
  const identity = await serverIdentity();
  const [binaries, paths] = await Promise.all([
    locateBinaries(identity),
    prepareDataDirectory(options.dataDir, identity),
  ]);
  const lock = await lockDataDirectory(paths);
  try {
    const passwords = await rolePasswords(paths);
    await installExtensions(binaries.extensionDir);
    await stopPredecessor(paths.cluster, log);
    await ensureCluster(paths, binaries, identity, passwords);
    const { cluster } = paths;
    const plan = { program: binaries.postgres, cluster, identity, durability: options.durability, log };
    const { server, port } = await startOnPort(plan, options.port ?? 0);
    const supervisor = new Supervisor({ ...plan, port }, server, () => lock.close());
    return localPostgres(supervisor, port, passwords);
  } catch (error) {
    lock.close();
    throw error;
  }
}

function localPostgres(
  supervisor: Supervisor,
  port: number,
  passwords: Record<LoginRole, string>,
): LocalPostgres {
  const urlFor = (database: string, role: LoginRole = "postgres") =>
    `postgres://${role}:${passwords[role]}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  return {
    port,
    adminUrl: urlFor("postgres", "supabase_admin"),
    url: urlFor("postgres"),
    urlFor,
    onRestart: (listener) => void supervisor.restartListeners.push(listener),
    onFailure: (listener) => void supervisor.failureListeners.push(listener),
    stop: () => supervisor.stop(),
  };
}

async function startOnPort(
  plan: Omit<ServerPlan, "port">,
  wanted: number,
): Promise<{ server: RunningServer; port: number }> {
  for (let attempt = 1;; attempt++) {
    const port = wanted === 0 ? freePort() : wanted;
    try {
      return { server: await startPatiently({ ...plan, port }), port };
    } catch (error) {
      const isTaken = error instanceof ServerStartError && error.reason === "port_taken";
      if (wanted !== 0 || !isTaken || attempt === FREE_PORT_ATTEMPTS) throw error;
    }
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function startPatiently(plan: ServerPlan): Promise<RunningServer> {
  const deadline = Date.now() + PREDECESSOR_PATIENCE_MS;
  for (;;) {
    try {
      return await startServer(plan);
    } catch (error) {
      const mayPass = error instanceof ServerStartError && error.reason === "predecessor_alive";
      if (!mayPass || Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PREDECESSOR_RETRY_MS));
  }
}

/** Keeps one server alive until it is told to stop. */
class Supervisor {
  readonly restartListeners: (() => void)[] = [];
  readonly failureListeners: ((error: Error) => void)[] = [];
  readonly #plan: ServerPlan;
  readonly #restarts: number[] = [];
  #isStopping = false;
  #server: RunningServer;
  readonly #watching: Promise<void>;
  readonly #release: () => void;
  #stopped: Promise<void> | null = null;

  constructor(plan: ServerPlan, server: RunningServer, release: () => void) {
    this.#plan = plan;
    this.#server = server;
    this.#release = release;
    this.#watching = this.#watch();
  }

  stop(): Promise<void> {
    return this.#stopped ??= this.#end();
  }

  async #end(): Promise<void> {
    this.#isStopping = true;
    await this.#server.stop();
    await this.#watching;
    this.#release();
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#server.exited;
      if (this.#isStopping) return;
      try {
        this.#server = await this.#restart();
      } catch (error) {
        return this.#giveUp(error as Error);
      }
      if (this.#isStopping) return await this.#server.stop();
      this.#plan.log(`PostgreSQL had died and was restarted on port ${this.#plan.port}`);
      for (const listener of this.restartListeners) listener();
    }
  }

  /** A server that dies again while it recovers counts as one more death, not as the last one. */
  async #restart(): Promise<RunningServer> {
    for (;;) {
      this.#countRestart();
      try {
        return await startPatiently(this.#plan);
      } catch (error) {
        if (!(error instanceof ServerStartError) || error.reason === "port_taken" || this.#isStopping) {
          throw error;
        }
        this.#plan.log(`PostgreSQL did not come back and is started again: ${error.message.split("\n")[0]}`);
      }
    }
  }

  #countRestart(): void {
    const now = Date.now();
    this.#restarts.push(now);
    while (this.#restarts[0]! < now - RESTART_WINDOW_MS) this.#restarts.shift();
    if (this.#restarts.length > MAX_RESTARTS) {
      throw new Error(
        `PostgreSQL died more than ${MAX_RESTARTS} times within ${
          RESTART_WINDOW_MS / 1000
        } s and stays down. ` +
          "Its log says why; start again once that is mended.",
      );
    }
  }

  #giveUp(error: Error): void {
    this.#plan.log(error.message);
    for (const listener of this.failureListeners) listener(error);
  }
}
