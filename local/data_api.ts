/**
 * Tables of the Data API and Auth, served by the embedded `@supabase/lite` on PostgreSQL. This file is the only
 * one that knows it: it closes the gaps between that package and the hosted API, and reaches into members that
 * its types call private, so the package is pinned exactly and every correction has a test.
 */
import { App } from "@supabase/lite";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { type Kysely, sql } from "kysely";
import type postgres from "postgres";
import { sessionSql } from "./api_session.ts";
import { survivingOptions } from "./driver_socket.ts";
import { exactNumber, parseExactJson } from "./exact_json.ts";
import { type LocalKeys, roleOfApiKey } from "./keys.ts";
import { type ApiError, apiErrorOf, isConnectionError, isDatabaseError } from "./pg_errors.ts";
import { endSessionsWithConnections, Losses } from "./reserved_sessions.ts";
import { respondError } from "./rpc_answers.ts";
import type { SchemaCache } from "./schema_cache.ts";
import { type Claims, isApiRole } from "./tokens.ts";

export interface DataApiOptions {
  /** Connection URL of the role `postgres`; each request then takes the caller's role. */
  readonly databaseUrl: string;
  readonly keys: LocalKeys;
  /** Signs the tokens that are valid between gateway and Data API only. */
  readonly innerSecret: string;
  readonly cache: SchemaCache;
  /** Schemas reachable from outside; the first is the default. */
  readonly schemas: readonly string[];
  readonly poolSize: number;
  /** Most rows that one request returns, as hosted. */
  readonly maxRows: number;
  /** Life of an access token. */
  readonly accessTokenSeconds: number;
  /** Where Auth sends users back to after following a mail. */
  readonly siteUrl: string;
  readonly log: (line: string) => void;
}

/** Serves `/rest/v1` and `/auth/v1`. Requests carry an API key and, for a user, an inner token. */
export interface DataApi {
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

/** SQLSTATEs whose answer depends on the caller or the query; the package itself renders them rightly. */
const RENDERED_BY_PACKAGE: ReadonlySet<string> = new Set(["42501", "42703", "42883"]);
/** The package's code for errors it does not understand; its message may hold internals. */
const UNEXPLAINED = "SUP";
const CLOSE_TIMEOUT_S = 2;
const NOT_FILTERS: ReadonlySet<string> = new Set([
  "apikey",
  "select",
  "columns",
  "order",
  "limit",
  "offset",
  "on_conflict",
]);

/** Starts the Data API on its own pool of connections. */
export function createDataApi(options: DataApiOptions): DataApi {
  const connection = openConnection(options);
  const app = new App({
    connection,
    api: { enabled: true, schemas: [...options.schemas], max_rows: options.maxRows },
    auth: {
      enabled: true,
      jwt_secret: options.innerSecret,
      jwt_expiry: options.accessTokenSeconds,
      site_url: options.siteUrl,
      email: { enable_signup: true, enable_confirmations: false },
    },
    studio: { enabled: false },
    options: { server: { admin: false, apiKeys: { resolver: keyResolver(options.keys) } } },
  });
  return {
    async fetch(request) {
      const refusal = refusalOf(request);
      if (refusal) return respondError(refusal);
      return await withoutInternals(await app.fetch(request), options.log);
    },
    close: () => connection.driver.end({ timeout: CLOSE_TIMEOUT_S }),
  };
}

/** Members that the package keeps private, as far as they are corrected here. */
interface ConnectionInternals {
  driver: postgres.Sql;
  rlsState: "active";
  introspection: unknown;
  clearSchemaCache(): Promise<void>;
  normalizeDbError(error: unknown): unknown;
  applyJwtSessionContext(
    transaction: Kysely<unknown>,
    vars: { auth?: { role?: string; jwt?: Claims | null } },
  ): Promise<void>;
}

function openConnection({ databaseUrl, poolSize, cache }: DataApiOptions) {
  const losses = new Losses();
  const connection = createPostgresConnection({
    url: databaseUrl,
    postgresOptions: {
      ...survivingOptions(databaseUrl, { application_name: "data_api" }),
      max: poolSize,
      max_lifetime: null,
      onclose: losses.onclose,
      types: POSTGREST_TYPES,
    },
  });
  const internals = connection as unknown as ConnectionInternals;
  endSessionsWithConnections(internals.driver, losses);
  // Skips the package's own preparation, which grants every table of a schema with RLS to anon.
  internals.rlsState = "active";
  internals.normalizeDbError = databaseErrorForPackage;
  internals.applyJwtSessionContext = async (transaction, { auth }) => {
    const role = auth?.role ?? "anon";
    if (!isApiRole(role)) throw new Error(`a request asked for the role "${role}", which is not the API's`);
    const caller = { role, claims: auth?.jwt ?? { role } };
    await sql.raw(sessionSql(caller, cache.snapshot.timeouts, "public")).execute(transaction);
  };
  cache.onReload(() => internals.clearSchemaCache());
  return connection;
}

function keyResolver(keys: LocalKeys) {
  return (apiKey: string) => {
    const role = roleOfApiKey(keys, apiKey);
    if (role === null) return Promise.resolve(null);
    const type = role === "anon" ? "publishable" as const : "secret" as const;
    return Promise.resolve({ type, claims: { role } });
  };
}

/** Column values as PostgREST writes them into JSON. */
const POSTGREST_TYPES = {
  bigint: column(20, exactNumber, String),
  numeric: column(1700, exactNumber, String),
  float: { ...column(701, exactNumber, String), from: [700, 701] },
  json: column(114, parseExactJson, JSON.stringify),
  jsonb: column(3802, parseExactJson, JSON.stringify),
  bytea: column(17, verbatim, String),
  timestamp: column(1114, isoTimestamp, String),
  timestamptz: column(1184, isoTimestamp, String),
};

function column(oid: number, parse: (text: string) => unknown, serialize: (value: unknown) => string) {
  return { to: oid, from: [oid], parse, serialize };
}

function verbatim(text: string): string {
  return text;
}

/** `2026-01-01 00:00:00.5+00` as `2026-01-01T00:00:00.5+00:00`; `infinity` stays. */
function isoTimestamp(text: string): string {
  return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}

/**
 * The form in which the package passes an answer through untouched: it renders errors with the code `PGRST`
 * from JSON in message and detail. What is not from the database stays as it is.
 */
function databaseErrorForPackage(error: unknown): unknown {
  const isForeign = !isDatabaseError(error) && !isConnectionError(error);
  if (isForeign || (isDatabaseError(error) && RENDERED_BY_PACKAGE.has(error.code))) {
    return printedInOneLine(error);
  }
  const { status, body, headers } = apiErrorOf(error, false);
  const detail = JSON.stringify({ status, headers: headers ?? {} });
  return printedInOneLine({ code: "PGRST", message: JSON.stringify(body), detail });
}

/** The package prints every error; one line is enough for what the client is told anyway. */
function printedInOneLine(error: unknown): unknown {
  if (typeof error !== "object" || error === null || !Object.isExtensible(error)) return error;
  const message = "message" in error ? error.message : error;
  return Object.defineProperty(error, Symbol.for("Deno.customInspect"), {
    value: () => `data api: ${message}`,
  });
}

/** What the hosted API refuses and the package would do, or do wrongly. */
function refusalOf(request: Request): ApiError | null {
  const url = new URL(request.url);
  if (!url.pathname.startsWith("/rest/v1/")) return null;
  if (request.headers.get("accept")?.includes("nulls=stripped")) return strippedNulls;
  const changesRows = request.method === "PATCH" || request.method === "DELETE";
  const hasFilter = [...url.searchParams.keys()].some((name) => !NOT_FILTERS.has(name));
  return changesRows && !hasFilter ? unfiltered(request.method) : null;
}

/** Removing nulls would run over the exact numbers and destroy them. */
const strippedNulls: ApiError = {
  status: 406,
  body: {
    code: "PGRST107",
    message: "None of these media types are available: nulls=stripped",
    details: null,
    hint: "The local Data API keeps nulls; ask for application/json.",
  },
};

/** Hosted, the `safeupdate` extension guards the API's connections. */
function unfiltered(method: string): ApiError {
  const verb = method === "DELETE" ? "DELETE" : "UPDATE";
  return {
    status: 400,
    body: { code: "21000", message: `${verb} requires a WHERE clause`, details: null, hint: null },
  };
}

async function withoutInternals(response: Response, log: (line: string) => void): Promise<Response> {
  if (response.status !== 500) return response;
  const text = await response.text();
  if (!text.includes(`"${UNEXPLAINED}"`)) return new Response(text, response);
  log(`data api: unexplained error ${text}`);
  return respondError(apiErrorOf(null, false));
}
