/** A throw-away, bootstrapped database server for tests: nothing of it outlives the call. */
import postgres from "postgres";
import { bootstrapDatabase } from "./bootstrap.ts";
import { type LocalPostgres, type PostgresOptions, startPostgres } from "./postgres.ts";

/** What a test gets. */
export interface TestCluster {
  readonly pg: LocalPostgres;
  /** Connections as the superuser `supabase_admin`; closed after the test. */
  readonly admin: postgres.Sql;
  /** Connections as `postgres`, the role of migrations and functions; closed after the test. */
  readonly sql: postgres.Sql;
  /** Absolute path of the data directory. */
  readonly dataDir: string;
}

const END_TIMEOUT_S = 5;

/** Runs the body on a fresh server that looks like a new hosted project. Notices are dropped. */
export async function withCluster(
  body: (cluster: TestCluster) => Promise<void>,
  options: Partial<PostgresOptions> = {},
): Promise<void> {
  await withDataDir(async (dataDir) => {
    const pg = await startPostgres({ dataDir, durability: "fast", ...options });
    const clients: postgres.Sql[] = [];
    try {
      await bootstrapDatabase(pg.adminUrl);
      const connect = (url: string) => {
        const client = postgres(url, { max: 4, onnotice: () => {} });
        clients.push(client);
        return client;
      };
      await body({ pg, admin: connect(pg.adminUrl), sql: connect(pg.url), dataDir });
    } finally {
      await Promise.all(clients.map((client) => client.end({ timeout: END_TIMEOUT_S })));
      await pg.stop();
    }
  });
}

/** Runs the body with an empty directory that is removed afterwards. */
export async function withDataDir(body: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = await Deno.makeTempDir({ prefix: "fillbase-test-" });
  try {
    await body(dataDir);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** Polls until the probe yields something other than null or undefined; fails with the name of what never came. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | null | undefined> | T | null | undefined,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found !== null && found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
