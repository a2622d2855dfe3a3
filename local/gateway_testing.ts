/** A throw-away project behind its gateway, for tests. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway.ts";
import { type TestCluster, withCluster, withDataDir } from "./testing.ts";

export interface TestProject extends TestCluster {
  readonly gateway: Gateway;
  /** Lines that the gateway and the functions logged. */
  readonly logs: string[];
}

/** Runs the body on a fresh project; everything is stopped and removed afterwards. */
export async function withProject(
  body: (project: TestProject) => Promise<void>,
  options: Partial<GatewayOptions> = {},
): Promise<void> {
  await withCluster((cluster) =>
    withDataDir(async (dataDir) => {
      const logs: string[] = [];
      const log = (line: string) => void logs.push(line);
      const gateway = await startGateway({ port: 0, postgres: cluster.pg, dataDir, log, ...options });
      try {
        await body({ ...cluster, gateway, logs });
      } finally {
        await gateway.stop();
      }
    })
  );
}

/** A supabase-js client that keeps nothing and runs no timers. */
export function clientOf(gateway: Gateway, apiKey: string = gateway.keys.publishable): SupabaseClient {
  return createClient(gateway.url, apiKey, { auth: { persistSession: false, autoRefreshToken: false } });
}

/** A plain request with an API key and, for a user, a token. */
export async function request(
  gateway: Gateway,
  path: string,
  init: RequestInit & { readonly apiKey?: string | null; readonly token?: string } = {},
): Promise<{ status: number; headers: Headers; text: string; json: unknown }> {
  const { apiKey = gateway.keys.publishable, token, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (apiKey !== null) headers.set("apikey", apiKey);
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (rest.body && !headers.has("content-type")) headers.set("content-type", "application/json");
  const response = await fetch(gateway.url + path, { ...rest, headers });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
