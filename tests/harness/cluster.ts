import postgres from "postgres";
import { bootstrapDatabase } from "../../local/bootstrap.ts";
import { type LocalPostgres, startPostgres } from "../../local/postgres.ts";
import { pushMigrations } from "../../scripts/lib/supabase_cli.ts";
import { makeFastTempDir } from "./temp_dir.ts";
import { restoreTemplate, storeTemplate, templateKey } from "./template_cache.ts";

/** Name of the variable that carries a running cluster's coordinates to test processes. */
export const CLUSTER_VARIABLE = "FILLBASE_TEST_CLUSTER";
const TEMPLATE_DATABASE = "fillbase_template";

/** Where a test cluster answers. Both URLs name the maintenance database `postgres`, never the template. */
export interface ClusterCoordinates {
  /** Superuser `supabase_admin`. */
  readonly adminUrl: string;
  /** Role `postgres`, not a superuser, as on a hosted project. */
  readonly url: string;
  /** A bootstrapped and migrated database without connections, to be cloned. */
  readonly template: string;
}

export interface TestCluster extends ClusterCoordinates {
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

/** The cluster that this process was given by its parent, or null when it runs by itself. */
export function clusterFromEnvironment(): ClusterCoordinates | null {
  const json = Deno.env.get(CLUSTER_VARIABLE);
  return json ? JSON.parse(json) as ClusterCoordinates : null;
}

/** The value of `FILLBASE_TEST_CLUSTER` for a child process. */
export function clusterToEnvironment({ adminUrl, url, template }: ClusterCoordinates): string {
  return JSON.stringify({ adminUrl, url, template });
}

/**
 * Starts a throw-away cluster whose template database holds all migrations, applied by the real CLI as
 * the non-superuser `postgres`. A cluster built from the same sources before is copied from the cache.
 */
export async function startTestCluster(): Promise<TestCluster> {
  const directory = await makeFastTempDir("fillbase-cluster-");
  const dataDir = `${directory}/data`;
  try {
    const key = await templateKey();
    if (!await restoreTemplate(key, dataDir)) await buildTemplate(key, dataDir);
    const server = await startPostgres({ dataDir, durability: "fast" });
    return {
      adminUrl: server.adminUrl,
      url: server.url,
      template: TEMPLATE_DATABASE,
      stop: async () => {
        await server.stop();
        await Deno.remove(directory, { recursive: true });
      },
    };
  } catch (error) {
    await Deno.remove(directory, { recursive: true });
    throw error;
  }
}

/** The connection string with another database in it. */
export function withDatabase(url: string, database: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
}

async function buildTemplate(key: string, dataDir: string): Promise<void> {
  const server = await startPostgres({ dataDir, durability: "fast" });
  try {
    await createTemplateDatabase(server);
  } finally {
    await server.stop();
  }
  await storeTemplate(key, dataDir);
}

/**
 * The template is a database of its own, because the one named `postgres` always has connections and
 * such a database cannot be cloned.
 */
async function createTemplateDatabase(server: LocalPostgres): Promise<void> {
  await bootstrapDatabase(server.adminUrl);
  const admin = postgres(server.adminUrl, { max: 1, onnotice: () => {} });
  try {
    await admin.unsafe(`create database ${TEMPLATE_DATABASE} owner postgres`);
    await bootstrapDatabase(withDatabase(server.adminUrl, TEMPLATE_DATABASE));
    await pushMigrations(withDatabase(server.url, TEMPLATE_DATABASE));
    await admin.unsafe(`alter database ${TEMPLATE_DATABASE} with is_template true allow_connections false`);
  } finally {
    await admin.end();
  }
}
