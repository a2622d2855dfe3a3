/**
 * A whole Supabase project on this machine: database, Data API, Auth, Realtime, Edge Functions and the schedule, with
 * the project's migrations applied and the engine armed for it.
 */
import { join } from "node:path";
import postgres from "postgres";
import { bootstrapDatabase } from "./bootstrap.ts";
import { survivingOptions } from "./driver_socket.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import { loadInstallationSecret } from "./installation.ts";
import { surviveLostWrites } from "./lost_writes.ts";
import { startPgCron } from "./pg_cron.ts";
import { startPgNet } from "./pg_net.ts";
import { type LocalPostgres, startPostgres } from "./postgres.ts";
import { startRealtime } from "./realtime/server.ts";

/** How a stack is started. */
export interface StackOptions {
  /** Where the database, the keys and the installation's secret live. */
  readonly dataDir: string;
  /** The project's HTTP port; 0 takes a free one. */
  readonly port: number;
  /** fast: for stacks that are thrown away. */
  readonly durability: "full" | "fast";
  /** Edge Functions started before the first request, so that it does not pay for their start. */
  readonly prewarm?: readonly string[];
  /** Secrets that the Edge Functions find in their environment, besides the installation's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly applyMigrations: (url: string) => Promise<void>;
  /** What the stack says of itself: progress and troubles, one line each. */
  readonly log: (line: string) => void;
}

/** A running stack. */
export interface Stack {
  readonly url: string;
  readonly dataDir: string;
  readonly gateway: Gateway;
  readonly database: LocalPostgres;
  readonly publishableKey: string;
  readonly secretKey: string;
  /** Connections as `postgres`, the owner's role. */
  readonly sql: postgres.Sql;
  /** Ends everything in order; safe to call twice. */
  stop(): Promise<void>;
}

/** The project's Edge Functions. */
export const FUNCTIONS_DIR = new URL("../supabase/functions", import.meta.url).pathname;

const SQL_POOL = 4;
const CLOSE_TIMEOUT_S = 2;
/** What lies in the data directory is readable by its owner alone; others may only pass. */
const PASSABLE = 0o711;

/** Starts a stack. When a part fails to start, everything before it is stopped again and the error says which. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, log } = options;
  const cleanups: (() => Promise<void>)[] = [];
  let stopped: Promise<void> | null = null;
  const stop = () => stopped ??= runBackwards(cleanups);
  const forgiveNoMore = surviveLostWrites(log);
  cleanups.push(() => Promise.resolve(forgiveNoMore()));
  try {
    await openDataDir(dataDir);
    const database = await startPostgres({
      dataDir: join(dataDir, "postgres"),
      durability: options.durability,
      log,
    });
    cleanups.push(() => database.stop());
    await bootstrapDatabase(database.adminUrl);
    await options.applyMigrations(database.url);
    const sql = postgres(database.url, { ...survivingOptions(database.url), max: SQL_POOL });
    cleanups.push(() => sql.end({ timeout: CLOSE_TIMEOUT_S }));

    const secret = await loadInstallationSecret(dataDir);
    const gateway = await startGateway({
      port: options.port,
      postgres: database,
      dataDir,
      functionsDir: FUNCTIONS_DIR,
      env: { ...options.env, FILLBASE_INSTALLATION_SECRET: secret },
      realtime: (access) => startRealtime({ adminUrl: database.adminUrl, ...access, log }),
      log,
    });
    cleanups.push(() => gateway.stop());
    await armEngine(sql, gateway.url, secret);
    await gateway.functions?.prewarm(options.prewarm ?? []);

    const net = await startPgNet(database.adminUrl, { log });
    cleanups.push(() => net.stop());
    const cron = await startPgCron(database.adminUrl, { log });
    cleanups.push(() => cron.stop());
    const { publishable: publishableKey, secrets } = gateway.keys;
    return {
      url: gateway.url,
      dataDir,
      gateway,
      database,
      sql,
      publishableKey,
      secretKey: secrets.default,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Started as root, the database runs as another user, who must be able to pass through to its own folder. */
async function openDataDir(dataDir: string): Promise<void> {
  await Deno.mkdir(dataDir, { recursive: true });
  await Deno.chmod(dataDir, PASSABLE);
}

/** The stack's own address is the installation the engine works for; a copied data directory has another secret. */
async function armEngine(sql: postgres.Sql, url: string, secret: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local role fillbase_engine`;
    await tx`update trading.settings set project_url = ${url}`;
    await tx`select trading.arm_installation(${url}, ${secret}, 'local stack')`;
  });
}

async function runBackwards(cleanups: (() => Promise<void>)[]): Promise<void> {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
