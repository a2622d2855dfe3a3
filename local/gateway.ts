/**
 * The project's one HTTP port, as `https://<ref>.supabase.co` is hosted: Data API, Auth, Realtime and Edge
 * Functions behind one address, one set of keys and one rule for tokens.
 */
import postgres from "postgres";
import { createDataApi, type DataApi } from "./data_api.ts";
import { survivingOptions } from "./driver_socket.ts";
import { type FunctionsHost, startFunctionsHost } from "./functions_host.ts";
import { createRoutes, type RealtimeRoute } from "./gateway_routes.ts";
import { refuse } from "./http_edges.ts";
import { loadKeys, type LocalKeys, roleOfApiKey } from "./keys.ts";
import type { LocalPostgres } from "./postgres.ts";
import { RpcHandler } from "./rpc.ts";
import { SchemaCache } from "./schema_cache.ts";
import { type Claims, createTokenService, type TokenService } from "./tokens.ts";

/** Starts Realtime with the checks of keys and tokens that all routes share. */
export type StartRealtime = (access: {
  readonly verifyToken: (token: string) => Promise<Claims | null>;
  readonly resolveKey: (apiKey: string) => "anon" | "service_role" | null;
}) => Promise<RealtimeRoute>;

export interface GatewayOptions {
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly postgres: LocalPostgres;
  /** Where keys are kept between starts. */
  readonly dataDir: string;
  /** `supabase/functions`; absent: the project has no Edge Functions. */
  readonly functionsDir?: string;
  /** Secrets that Edge Functions find in their environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly realtime?: StartRealtime;
  /** Schemas of the Data API, the default first. */
  readonly schemas?: readonly string[];
  /** Connections for function calls, and as many for tables and Auth. */
  readonly poolSize?: number;
  readonly maxRows?: number;
  readonly maxBodyBytes?: number;
  readonly accessTokenSeconds?: number;
  readonly log?: (line: string) => void;
}

export interface Gateway {
  readonly url: string;
  readonly port: number;
  readonly keys: LocalKeys;
  readonly tokens: TokenService;
  readonly functions: FunctionsHost | null;
  /** Stops serving, waits for running requests a little while, and closes what the gateway opened. */
  stop(): Promise<void>;
}

export const GATEWAY_DEFAULTS = {
  schemas: ["public", "trading"],
  poolSize: 10,
  maxRows: 1_000,
  maxBodyBytes: 10 * 1024 * 1024,
  accessTokenSeconds: 3_600,
} as const;

const HOST = "127.0.0.1";
/** Running requests get this long to end when the gateway stops. */
const STOP_GRACE_MS = 1_000;
const DATABASE_CLOSE_SECONDS = 2;
/** Enough for a reload of the schema, which asks two things at once. */
const GATEWAY_CONNECTIONS = 2;

/** Starts serving. Throws in plain words when the port is taken; nothing keeps running then. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const settings = { ...GATEWAY_DEFAULTS, ...options };
  const log = options.log ?? ((line: string) => console.error(line));
  const keys = await loadKeys(options.dataDir);
  const listener = listen(options.port, log);
  const url = `http://${HOST}:${listener.port}`;
  const cleanups: (() => Promise<void>)[] = [() => listener.close()];
  const stop = async () => {
    for (const cleanup of cleanups) await cleanup();
  };
  try {
    const innerSecret = crypto.randomUUID() + crypto.randomUUID();
    const tokens = await createTokenService({
      signingKey: keys.signingKey,
      innerSecret,
      issuer: `${url}/auth/v1`,
    });
    const { sql, rpcConnections, cache, dataApi } = await openData({
      ...settings,
      keys,
      innerSecret,
      siteUrl: url,
      log,
    });
    cleanups.push(() => dataApi.close(), () => endAll([sql, ...rpcConnections]));
    const functions = options.functionsDir === undefined
      ? null
      : await startFunctionsHost({ ...options, functionsDir: options.functionsDir, url, keys, tokens, log });
    if (functions) cleanups.push(() => functions.stop());
    const realtime = await options.realtime?.({
      verifyToken: tokens.verify,
      resolveKey: (apiKey) => roleOfApiKey(keys, apiKey),
    }) ?? null;
    if (realtime) cleanups.push(() => realtime.stop());
    const rpc = new RpcHandler(rpcConnections, cache);
    listener.serve(createRoutes({ ...settings, keys, tokens, rpc, dataApi, functions, realtime, sql, log }));
    return { url, port: listener.port, keys, tokens, functions, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface DataSettings {
  readonly postgres: LocalPostgres;
  readonly schemas: readonly string[];
  readonly poolSize: number;
  readonly maxRows: number;
  readonly accessTokenSeconds: number;
  readonly keys: LocalKeys;
  readonly innerSecret: string;
  readonly siteUrl: string;
  readonly log: (line: string) => void;
}

interface DataParts {
  /** For the gateway's own questions: the schema, its changes, its health. */
  readonly sql: postgres.Sql;
  /** Clients with one connection each, for function calls. */
  readonly rpcConnections: readonly postgres.Sql[];
  readonly cache: SchemaCache;
  readonly dataApi: DataApi;
}

async function openData(settings: DataSettings): Promise<DataParts> {
  const { url } = settings.postgres;
  const connect = (application_name: string, max: number) =>
    postgres(url, { ...survivingOptions(url, { application_name }), max });
  const sql = connect("gateway", GATEWAY_CONNECTIONS);
  const rpcConnections = Array.from({ length: settings.poolSize }, () => connect("data_api_rpc", 1));
  const cache = await SchemaCache.open(sql, settings.schemas, settings.log);
  return { sql, rpcConnections, cache, dataApi: createDataApi({ ...settings, databaseUrl: url, cache }) };
}

async function endAll(clients: readonly postgres.Sql[]): Promise<void> {
  await Promise.all(clients.map((client) => client.end({ timeout: DATABASE_CLOSE_SECONDS })));
}

type Handler = (request: Request) => Promise<Response>;

/** Opens the port at once, so that its number is known, and holds requests until there is something to serve. */
function listen(port: number, log: (line: string) => void) {
  const abort = new AbortController();
  const { promise: ready, resolve: serve } = Promise.withResolvers<Handler>();
  const handler = async (request: Request) => {
    const handle = await ready;
    return await handle(request);
  };
  const onError = (error: unknown) => {
    log(`gateway: ${error instanceof Error ? error.stack : String(error)}`);
    return refuse(500, {
      code: "INTERNAL_ERROR",
      message: "The local project failed to answer; see its log",
    });
  };
  const server = serveOn(port, { signal: abort.signal, onError }, handler);
  return {
    port: server.addr.port,
    serve,
    async close() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const grace = new Promise<"over">((resolve) =>
        timer = setTimeout(() => resolve("over"), STOP_GRACE_MS)
      );
      const shutdown = server.shutdown();
      // Aborting a server that has just finished raises where nobody can catch it, so it is done only while it runs.
      if (await Promise.race([shutdown, grace]) === "over") abort.abort();
      clearTimeout(timer);
      await shutdown.catch(() => {});
    },
  };
}

function serveOn(
  port: number,
  options: { signal: AbortSignal; onError: (error: unknown) => Response },
  handler: Handler,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ ...options, hostname: HOST, port, onListen: () => {} }, handler);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new Error(
      `Port ${port} on ${HOST} is taken by another program. Stop that program, or choose another port with --port.`,
    );
  }
}
