/**
 * SQL of a function call. PostgreSQL turns the arguments from JSON and the result into JSON itself, so no value
 * passes through JavaScript's numbers, dates or strings.
 */
import { quoteIdentifier, quoteLiteral } from "./api_session.ts";
import type { RpcFunction, RpcParameter } from "./rpc_catalog.ts";

/**
 * How the arguments arrive: `json`: an object whose members are typed JSON; `text`: an object whose members are
 * text (a query string); `body`: the whole body is the one unnamed argument.
 */
export type ArgumentForm = "json" | "text" | "body";

/** The row that every call statement yields. */
export interface CallRow {
  readonly body: string | null;
  readonly row_count: number;
  readonly response_status: string | null;
  readonly response_headers: string | null;
}

export interface CallShape {
  readonly form: ArgumentForm;
  /** Arguments given by name; empty for `body`. */
  readonly names: readonly string[];
  /** The caller wants exactly one row of a set; any other number of rows aborts the call. */
  readonly wantsSingleRow: boolean;
}

/** Starts the message of the error by which a call aborts itself because its set did not have exactly one row. */
export const NOT_ONE_ROW = "rows found instead of one: ";

const statements = new WeakMap<RpcFunction, Map<string, readonly [head: string, tail: string]>>();

/** The statement that calls `fn` with the payload; its text is remembered per function and shape. */
export function callSql(fn: RpcFunction, shape: CallShape, payload: string): string {
  const known = statements.get(fn) ?? new Map();
  statements.set(fn, known);
  const key = JSON.stringify(shape);
  let parts = known.get(key);
  if (!parts) {
    parts = compose(fn, shape);
    known.set(key, parts);
  }
  return parts[0] + quoteLiteral(payload) + parts[1];
}

function compose(fn: RpcFunction, shape: CallShape): readonly [string, string] {
  const parameters = fn.parameters.filter(({ name }) => shape.names.includes(name));
  const args = shape.form === "body"
    ? `b.payload::${fn.parameters[0]?.type ?? "text"}`
    : parameters.map((parameter) => argument(parameter, shape.form)).join(", ");
  const call = `${quoteIdentifier(fn.schema)}.${quoteIdentifier(fn.name)}(${args})`;
  const [head, tail] = source(parameters, shape.form);
  const result = fn.result === "row" ? `(select r.* from ${head}` : `(select ${call} as v from ${head}`;
  const rest = fn.result === "row" ? `${tail} cross join lateral ${call} as r) q` : `${tail}) q`;
  return [`select ${columns(fn, shape)} from ${result}`, rest];
}

/** The relation `b` that holds the arguments, split where the payload goes. */
function source(parameters: readonly RpcParameter[], form: ArgumentForm): readonly [string, string] {
  if (form === "body") return ["(select ", " as payload) b"];
  if (form === "text" || parameters.length === 0) return ["(select ", "::json as payload) b"];
  const columnList = parameters.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(", ");
  return ["json_to_record(", `) as b(${columnList})`];
}

function argument({ name, type, isVariadic }: RpcParameter, form: ArgumentForm): string {
  const value = form === "json"
    ? `b.${quoteIdentifier(name)}`
    : `(b.payload ->> ${quoteLiteral(name)})::${type}`;
  return `${isVariadic ? "variadic " : ""}${quoteIdentifier(name)} => ${value}`;
}

/**
 * The result columns. They aggregate, so that the settings a function may write for its own answer are read
 * only after the function has run.
 */
function columns(fn: RpcFunction, shape: CallShape): string {
  return `${bodyColumn(fn, shape.wantsSingleRow)} as body, count(*)::integer as row_count,
    nullif(current_setting('response.status', true), '') as response_status,
    nullif(current_setting('response.headers', true), '') as response_headers`;
}

function bodyColumn(fn: RpcFunction, wantsSingleRow: boolean): string {
  if (fn.result === "void") return "null::text";
  const item = fn.result === "row" ? "q" : "q.v";
  if (!fn.returnsSet) return `coalesce(string_agg(to_json(${item})::text, ''), 'null')`;
  if (!wantsSingleRow) return `coalesce(json_agg(${item}), '[]')::text`;
  // Only a failing expression undoes what the function did: this cast fails, naming the number of rows.
  return `case when count(*) = 1 then string_agg(to_json(${item})::text, '')
    else ((${quoteLiteral(NOT_ONE_ROW)} || count(*))::integer)::text end`;
}
