/** A database with a Realtime server in front of it, and clients of the real supabase-js library. */
import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { bootstrapDatabase } from "../bootstrap.ts";
import { eventually, type TestCluster, withCluster } from "../testing.ts";
import { type RealtimeOptions, type RealtimeServer, startRealtime } from "./server.ts";

/** Keys and tokens of the fake gateway. */
export const PUBLISHABLE_KEY = "sb_publishable_test";
export const SECRET_KEY = "sb_secret_test";

/** Two users who can sign in. */
export const ALICE = "0a000000-0000-4000-8000-000000000001";
export const BOB = "0b000000-0000-4000-8000-000000000002";

/** What a test of the server gets. */
export interface RealtimeTest extends TestCluster {
  readonly server: RealtimeServer;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Lines that the server logged. */
  readonly logged: string[];
  /** A client of the user, or of the publishable key alone; its token is set before it can join anything. */
  client(user?: string, options?: ClientOptions): Promise<SupabaseClient>;
}

/** How a test's client differs from the usual. */
export interface ClientOptions {
  readonly vsn?: "1.0.0" | "2.0.0";
  /** Token instead of a fresh one of the user. */
  readonly token?: string;
  readonly key?: string;
}

/** Runs the body against a server on a fresh database of the file's shared cluster. */
export async function withRealtime(
  body: (test: RealtimeTest) => Promise<void>,
  options: Partial<RealtimeOptions> = {},
): Promise<void> {
  shared ??= new SharedCluster();
  await shared.withDatabase((cluster, adminUrl) => serve(cluster, adminUrl, body, options));
}

/** The same on a cluster of its own, for tests that harm it. */
export async function withOwnCluster(body: (test: RealtimeTest) => Promise<void>): Promise<void> {
  await withCluster((cluster) => serve(cluster, cluster.pg.adminUrl, body));
}

/** To be registered as `Deno.test.afterAll` in each file that uses {@link withRealtime}. */
export async function stopSharedCluster(): Promise<void> {
  await shared?.stop();
  shared = null;
}

const TEMPLATE = "realtime_template";
const CLIENT_END_TIMEOUT_S = 5;
let shared: SharedCluster | null = null;

/** One database server for all tests of a file: starting one costs more than a second, cloning a database far less. */
class SharedCluster {
  readonly #ready = Promise.withResolvers<TestCluster>();
  readonly #over = Promise.withResolvers<void>();
  readonly #lifetime: Promise<void>;
  #databases = 0;

  constructor() {
    this.#lifetime = withCluster(async (cluster) => {
      await cluster.admin`create database ${cluster.admin(TEMPLATE)}`;
      await bootstrapDatabase(cluster.pg.urlFor(TEMPLATE, "supabase_admin"));
      this.#ready.resolve(cluster);
      await this.#over.promise;
    });
    this.#lifetime.catch(this.#ready.reject);
  }

  async withDatabase(body: (cluster: TestCluster, adminUrl: string) => Promise<void>): Promise<void> {
    const cluster = await this.#ready.promise;
    const name = `test_${++this.#databases}`;
    await cluster.admin`create database ${cluster.admin(name)} template ${
      cluster.admin(TEMPLATE)
    } owner postgres`;
    const adminUrl = cluster.pg.urlFor(name, "supabase_admin");
    const [admin, sql] = [adminUrl, cluster.pg.urlFor(name)].map((url) =>
      postgres(url, { max: 4, onnotice: () => {} })
    ) as [postgres.Sql, postgres.Sql];
    try {
      await body({ ...cluster, admin, sql }, adminUrl);
    } finally {
      await Promise.all([admin, sql].map((client) => client.end({ timeout: CLIENT_END_TIMEOUT_S })));
      // The server notices a moment later that the reader of a replication slot has hung up; until then it keeps the database.
      await eventually(
        `the end of ${name}`,
        () => cluster.admin`drop database ${cluster.admin(name)} with (force)`.then(() => true, () => null),
      );
    }
  }

  async stop(): Promise<void> {
    this.#over.resolve();
    await this.#lifetime;
  }
}

async function serve(
  cluster: TestCluster,
  adminUrl: string,
  body: (test: RealtimeTest) => Promise<void>,
  options: Partial<RealtimeOptions> = {},
): Promise<void> {
  const logged: string[] = [];
  const server = await startRealtime({
    adminUrl,
    verifyToken: (token) => Promise.resolve(verify(token)),
    resolveKey: (key) => key === PUBLISHABLE_KEY ? "anon" : key === SECRET_KEY ? "service_role" : null,
    log: (line) => logged.push(line),
    ...options,
  });
  const http = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (r) => server.handle(r));
  const url = `http://127.0.0.1:${http.addr.port}`;
  const clients: SupabaseClient[] = [];
  const client = async (user?: string, wishes: ClientOptions = {}) => {
    const made = connect(url, user, wishes);
    clients.push(made);
    await made.realtime.setAuth();
    return made;
  };
  try {
    await body({ ...cluster, server, url, logged, client });
  } finally {
    await Promise.all(clients.map((one) => one.realtime.disconnect()));
    await server.stop();
    await http.shutdown();
  }
}

function connect(url: string, user: string | undefined, wishes: ClientOptions): SupabaseClient {
  const token = wishes.token ?? (user === undefined ? null : tokenOf(user));
  return createClient(url, wishes.key ?? PUBLISHABLE_KEY, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    ...(token === null ? {} : { accessToken: () => Promise.resolve(token) }),
    realtime: { vsn: wishes.vsn ?? "2.0.0", reconnectAfterMs: () => 20 },
  });
}

/** A token that the fake gateway accepts; `exp` is in seconds since 1970. */
export function tokenOf(
  user: string,
  exp = Math.floor(Date.now() / 1000) + 3600,
  claims: object = {},
): string {
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll("=", "");
  return `${part({ alg: "none" })}.${part({ sub: user, role: "authenticated", exp, ...claims })}.good`;
}

function verify(token: string): object | null {
  const [, body, signature] = token.split(".");
  if (body === undefined || signature !== "good") return null;
  const claims = JSON.parse(atob(body));
  return claims.exp * 1000 > Date.now() ? claims : null;
}

/** Subscribes and resolves with the first status and its error text. */
export function subscribe(channel: RealtimeChannel): Promise<{ status: string; message: string }> {
  return new Promise((resolve) => {
    channel.subscribe((status, error) => resolve({ status, message: error?.message ?? "" }));
  });
}

/** Subscribes to row changes and waits until the server confirmed them; resolves with the confirmation. */
export async function subscribeToChanges(
  channel: RealtimeChannel,
): Promise<{ status: string; message: string }> {
  const confirmed = new Promise<{ status: string; message: string }>((resolve) =>
    channel.on("system", {}, (payload) => resolve(payload))
  );
  await subscribe(channel);
  return await confirmed;
}

/** Waits until the list has at least the given number of entries, and returns it. */
export async function arrived<T>(
  list: readonly T[],
  count: number,
  timeoutMs?: number,
): Promise<readonly T[]> {
  return await eventually(
    `arrival of ${count} messages`,
    () => list.length >= count ? list : null,
    timeoutMs,
  );
}
