/** A database with a Realtime server in front of it, and clients of the real supabase-js library. */
import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";
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

/** Runs the body against a server on a fresh database; closes everything afterwards. */
export async function withRealtime(
  body: (test: RealtimeTest) => Promise<void>,
  options: Partial<RealtimeOptions> = {},
): Promise<void> {
  await withCluster(async (cluster) => {
    const logged: string[] = [];
    const server = await startRealtime({
      adminUrl: cluster.pg.adminUrl,
      verifyToken: (token) => Promise.resolve(verify(token)),
      resolveKey: (key) => key === PUBLISHABLE_KEY ? "anon" : key === SECRET_KEY ? "service_role" : null,
      log: (line) => logged.push(line),
      ...options,
    });
    const http = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (r) => server.handle(r));
    const url = `http://127.0.0.1:${http.addr.port}`;
    const clients: SupabaseClient[] = [];
    const client = async (user?: string, wishes: ClientOptions = {}) => {
      const token = wishes.token ?? (user === undefined ? null : tokenOf(user));
      const made = createClient(url, wishes.key ?? PUBLISHABLE_KEY, {
        auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
        ...(token === null ? {} : { accessToken: () => Promise.resolve(token) }),
        realtime: { vsn: wishes.vsn ?? "2.0.0", reconnectAfterMs: () => 20 },
      });
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
