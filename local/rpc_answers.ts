/** Answers of the function endpoint: the result as PostgREST would send it, or its refusals. */
import { type ApiError, isHttpStatus } from "./pg_errors.ts";
import type { RpcFunction } from "./rpc_catalog.ts";
import type { CallRow } from "./rpc_query.ts";

interface AnswerContext {
  readonly schema: string;
  readonly method: string;
}

const JSON_TYPE = "application/json; charset=utf-8";
/** Statuses that HTTP sends without a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** The answer to a call that ran: its row as JSON, no content for `void`, or what the function chose. */
export function respond(context: AnswerContext, fn: RpcFunction, row: CallRow): Response {
  const chosen = row.response_status === null ? null : Number(row.response_status);
  if (chosen !== null && !isHttpStatus(chosen)) return respondError(badStatus);
  const chosenHeaders = parseHeaders(row.response_headers);
  if (chosenHeaders === null) return respondError(badHeaders);
  const isVoid = fn.result === "void";
  const status = chosen ?? (isVoid ? 204 : 200);
  const headers = new Headers({ "content-profile": context.schema, "content-range": contentRange(fn, row) });
  if (!isVoid) headers.set("content-type", JSON_TYPE);
  for (const [name, value] of chosenHeaders) headers.set(name, value);
  const hasBody = context.method !== "HEAD" && !isVoid && !BODILESS.has(status);
  return new Response(hasBody ? row.body : null, { status, headers });
}

/** A refusal as JSON. */
export function respondError({ status, body, headers }: ApiError): Response {
  const challenge: Record<string, string> = status === 401 ? { "www-authenticate": "Bearer" } : {};
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": JSON_TYPE, ...challenge, ...headers },
  });
}

export const unreadableBody = refusal(400, "PGRST102", "Empty or invalid json");

export const notImplemented = refusal(
  400,
  "PGRST127",
  "Feature not implemented",
  "The local Data API cannot select, filter or count the result of a function with a json argument",
);

const badStatus = refusal(500, "PGRST112", "response.status guc must be a valid status code");

const badHeaders = refusal(
  500,
  "PGRST111",
  "response.headers guc must be a JSON array composed of objects with a single key and a string value",
);

export function unacceptableMethod(method: string): ApiError {
  return refusal(405, "PGRST101", `Cannot use the ${method} method on RPC`);
}

export function notOneRow(count: number): ApiError {
  return refusal(
    406,
    "PGRST116",
    "Cannot coerce the result to a single JSON object",
    `The result contains ${count} rows`,
  );
}

/** No function of this name takes these arguments; the hint lists what the name does offer. */
export function unknownFunction(
  schema: string,
  name: string,
  names: readonly string[],
  overloads: readonly RpcFunction[],
): ApiError {
  const qualified = `${schema}.${name}`;
  const call = names.length === 0 ? `${qualified} without parameters` : `${qualified}(${names.join(", ")})`;
  const offered = overloads.map(signature).join(" or ");
  return refusal(
    404,
    "PGRST202",
    `Could not find the function ${call} in the schema cache`,
    `Searched for the function ${call}, but no matches were found in the schema cache.`,
    offered === "" ? null : `Perhaps you meant to call the function ${offered}`,
  );
}

export function ambiguousFunction(candidates: readonly RpcFunction[]): ApiError {
  return refusal(
    300,
    "PGRST203",
    `Could not choose the best candidate function between: ${candidates.map(signature).join(", ")}`,
    null,
    "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
  );
}

export function invalidSchema(schema: string, exposed: readonly string[]): ApiError {
  const hint = `Only the following schemas are exposed: ${exposed.join(", ")}`;
  return refusal(406, "PGRST106", `Invalid schema: ${schema}`, null, hint);
}

function signature({ schema, name, parameters }: RpcFunction): string {
  return `${schema}.${name}(${parameters.map((p) => `${p.name} => ${p.type}`).join(", ")})`;
}

function refusal(
  status: number,
  code: string,
  message: string,
  details: string | null = null,
  hint: string | null = null,
): ApiError {
  return { status, body: { code, message, details, hint } };
}

function contentRange(fn: RpcFunction, { row_count }: CallRow): string {
  if (!fn.returnsSet) return "0-0/*";
  return row_count === 0 ? "*/*" : `0-${row_count - 1}/*`;
}

/** The headers a function chose, or null when they are not the array of single-member objects they must be. */
function parseHeaders(json: string | null): [string, string][] | null {
  if (json === null) return [];
  try {
    const list: unknown = JSON.parse(json);
    if (!Array.isArray(list)) return null;
    const entries = list.map((item) => Object.entries(item as object));
    const isValid = entries.every((members) => members.length === 1 && typeof members[0]?.[1] === "string");
    return isValid ? entries.flat() as [string, string][] : null;
  } catch {
    return null;
  }
}
