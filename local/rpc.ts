/**
 * Function calls of the Data API (`/rest/v1/rpc/<function>`), the engine's hot path. One message to PostgreSQL
 * carries the caller's session settings and the call; as one implicit transaction it succeeds or leaves nothing,
 * and a lost connection can never run the call without the role.
 */
import type { Sql } from "postgres";
import { type Caller, type RequestFacts, sessionSql } from "./api_session.ts";
import { ConnectionStack } from "./connection_stack.ts";
import { type ApiError, apiErrorOf, isDatabaseError } from "./pg_errors.ts";
import {
  ambiguousFunction,
  notImplemented,
  notOneRow,
  respond,
  respondError,
  unacceptableMethod,
  unknownFunction,
  unreadableBody,
} from "./rpc_answers.ts";
import { chooseByBody, chooseByNames, type RpcChoice, type RpcFunction } from "./rpc_catalog.ts";
import { type CallRow, type CallShape, callSql, NOT_ONE_ROW } from "./rpc_query.ts";
import type { SchemaCache } from "./schema_cache.ts";
import { TurnstileTimeout } from "./turnstile.ts";

/** One call as the gateway hands it over. */
export interface RpcRequest {
  readonly name: string;
  readonly schema: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string;
  readonly caller: Caller;
}

/** A parsed call: which arguments, in which form. */
interface Invocation {
  readonly shape: CallShape;
  readonly payload: string;
  /** Parameter types that may take the whole body when no function matches the names. */
  readonly wholeBodyTypes: readonly string[];
}

/** A request waits this long for a connection, as hosted. */
const CONNECTION_WAIT_MS = 10_000;
/** Query parameters that shape a result; such calls need the table machinery. */
const RESULT_MODIFIERS: ReadonlySet<string> = new Set([
  "select",
  "order",
  "limit",
  "offset",
  "columns",
  "and",
  "or",
  "not.and",
  "not.or",
]);
const FILTER =
  /^(not\.)?(eq|neq|gte?|lte?|i?like|i?match|in|is|isdistinct|fts|plfts|phfts|wfts|cs|cd|ov|sl|sr|nxr|nxl|adj)(\(\w+\))?\./;
const ROW_TYPES = ["application/vnd.pgrst.object+json", "application/vnd.pgrst.object"];
const PLAIN_TYPES = new Set(["", "*/*", "application/json", "application/*"]);
const DEPENDS_ON_TABLES = /count=|handling=strict|tx=/;
const JSON_TYPES = ["json", "jsonb"];

/**
 * Answers a call, or returns null for one that selects, filters, counts or wants another media type: those
 * belong to the table machinery.
 */
export class RpcHandler {
  readonly #cache: SchemaCache;
  readonly #connections: ConnectionStack;

  /** Each of `connections` is a client with one connection, used for nothing else. */
  constructor(connections: readonly Sql[], cache: SchemaCache) {
    this.#cache = cache;
    this.#connections = new ConnectionStack(connections, CONNECTION_WAIT_MS);
  }

  async handle(request: RpcRequest): Promise<Response | null> {
    if (!["GET", "HEAD", "POST"].includes(request.method)) {
      return respondError(unacceptableMethod(request.method));
    }
    const invocation = parse(request);
    if (invocation === "unreadable") return respondError(unreadableBody);
    const needsTables = shapesResult(request);
    let choice = this.#choose(request, invocation);
    if (choice.kind === "unknown" && await this.#cache.reloadAfterMiss()) {
      choice = this.#choose(request, invocation);
    }
    if (choice.kind === "unknown") return respondError(this.#unknown(request, invocation));
    if (choice.kind === "ambiguous") return respondError(ambiguousFunction(choice.candidates));
    if (needsTables) return hasJsonArgument(choice.fn, invocation) ? respondError(notImplemented) : null;
    return await this.#call(request, choice.fn, invocation);
  }

  #choose(request: RpcRequest, { shape, wholeBodyTypes }: Invocation): RpcChoice {
    const { functions } = this.#cache.snapshot;
    const key = `${request.schema}.${request.name}`;
    const named = shape.form === "body"
      ? { kind: "unknown" } as const
      : chooseByNames(functions, key, shape.names);
    return named.kind === "unknown" ? chooseByBody(functions, key, wholeBodyTypes) : named;
  }

  #unknown({ schema, name }: RpcRequest, { shape }: Invocation): ApiError {
    const overloads = this.#cache.snapshot.functions.get(`${schema}.${name}`) ?? [];
    return unknownFunction(schema, name, shape.names, overloads);
  }

  async #call(request: RpcRequest, fn: RpcFunction, invocation: Invocation): Promise<Response> {
    try {
      const [row] = await this.#connections.use((sql) => this.#run(sql, request, fn, invocation));
      return respond(request, fn, row);
    } catch (error) {
      if (error instanceof TurnstileTimeout) return respondError(noConnection);
      if (error instanceof RangeError) return respondError(unreadableBody);
      return respondError(notOneRowOf(error) ?? apiErrorOf(error, request.caller.role === "anon"));
    }
  }

  async #run(
    sql: Sql,
    request: RpcRequest,
    fn: RpcFunction,
    invocation: Invocation,
  ): Promise<[CallRow]> {
    const isReadOnly = request.method !== "POST" || fn.volatility !== "volatile";
    const session = sessionSql(
      request.caller,
      this.#cache.snapshot.timeouts,
      request.schema,
      factsOf(request),
    );
    const shape = fn.parameters[0]?.name === ""
      ? { ...invocation.shape, form: "body" as const }
      : invocation.shape;
    const payload = invocation.payload;
    const message = `${isReadOnly ? "set local transaction_read_only = on;" : ""}${session};${
      callSql(fn, shape, payload)
    }`;
    const results = await sql.unsafe<CallRow[][]>(message).simple();
    return results.at(-1) as unknown as [CallRow];
  }
}

const noConnection: ApiError = {
  status: 504,
  body: {
    code: "PGRST003",
    message: "Timed out acquiring connection from connection pool.",
    details: null,
    hint: null,
  },
};

function notOneRowOf(error: unknown): ApiError | null {
  if (!isDatabaseError(error) || error.code !== "22P02") return null;
  const count = error.message.split(NOT_ONE_ROW)[1];
  return count === undefined ? null : notOneRow(Number.parseInt(count));
}

function parse(request: RpcRequest): Invocation | "unreadable" {
  const wantsSingleRow = ROW_TYPES.includes(acceptOf(request));
  if (request.method !== "POST") {
    const args = Object.fromEntries([...request.url.searchParams].filter(isArgument));
    const shape = { form: "text", names: Object.keys(args).sort(), wantsSingleRow } as const;
    return { shape, payload: JSON.stringify(args), wholeBodyTypes: [] };
  }
  const contentType = mediaType(request.headers.get("content-type"));
  if (contentType === "text/plain") {
    const shape = { form: "body", names: [], wantsSingleRow } as const;
    return { shape, payload: request.body, wholeBodyTypes: ["text"] };
  }
  const payload = request.body === "" ? "{}" : request.body;
  const names = memberNames(payload);
  if (names === null) return "unreadable";
  return { shape: { form: "json", names, wantsSingleRow }, payload, wholeBodyTypes: JSON_TYPES };
}

/** The sorted member names of a JSON object, none for any other JSON value, null for what is not JSON. */
function memberNames(json: string): string[] | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.keys(value).sort()
      : [];
  } catch {
    return null;
  }
}

function shapesResult(
  { method, url, headers }: RpcRequest,
  accept = mediaType(headers.get("accept")),
): boolean {
  const isPlain = PLAIN_TYPES.has(accept) || ROW_TYPES.includes(accept);
  if (!isPlain || DEPENDS_ON_TABLES.test(headers.get("prefer") ?? "")) return true;
  const parameters = [...url.searchParams].filter(([name]) => name !== "apikey");
  return method === "POST" ? parameters.length > 0 : !parameters.every(isArgument);
}

function isArgument([name, value]: [string, string]): boolean {
  return name !== "apikey" && !RESULT_MODIFIERS.has(name) && !FILTER.test(value);
}

function hasJsonArgument(fn: RpcFunction, { shape }: Invocation): boolean {
  return fn.parameters.some(({ name, type }) =>
    JSON_TYPES.includes(type) && (name === "" || shape.names.includes(name))
  );
}

function acceptOf({ headers }: RpcRequest): string {
  return mediaType(headers.get("accept"));
}

/** The first media type of a header, without parameters unless they change the answer. */
function mediaType(header: string | null): string {
  const first = (header ?? "").split(",")[0]?.trim().toLowerCase() ?? "";
  const [type = "", ...parameters] = first.split(";").map((part) => part.trim());
  return parameters.some((parameter) => parameter.startsWith("nulls=")) ? first : type;
}

function factsOf({ method, url, headers }: RpcRequest): RequestFacts {
  return { method, path: url.pathname.replace(/^\/rest\/v1/, ""), headers: Object.fromEntries(headers) };
}
