/**
 * What each request of the Data API sets before its own statement: the caller's role, claims, limits and
 * headers, all local to the transaction.
 */
import type { Sql } from "postgres";
import type { ApiRole } from "./keys.ts";
import type { Claims } from "./tokens.ts";

/** On whose behalf a request runs. */
export interface Caller {
  readonly role: ApiRole;
  readonly claims: Claims;
}

/** The parts of an HTTP request that SQL may read through `current_setting('request.…')`. */
export interface RequestFacts {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Limits per role in PostgreSQL's notation, e.g. `3s`. */
export type RoleTimeouts = ReadonlyMap<string, string>;

/** PostgREST connects as this role; its limit holds for a role that has none of its own. */
const LOGIN_ROLE = "authenticator";
/** Used when neither the role nor the login role has a limit; PostgreSQL reads 0 as "none". */
const NO_TIMEOUT = "0";
/** Always searched after the request's own schema, as hosted. */
const EXTRA_SEARCH_PATH = ["public", "extensions"];

/**
 * SQL that puts the rest of the transaction under the caller's role. It must run in the same transaction,
 * and before anything of the caller: the connection itself may do far more than the caller.
 */
export function sessionSql(
  caller: Caller,
  timeouts: RoleTimeouts,
  schema: string,
  request?: RequestFacts,
): string {
  const settings: [name: string, value: string][] = [
    ["search_path", [schema, ...EXTRA_SEARCH_PATH].map(quoteIdentifier).join(", ")],
    ["request.jwt.claims", JSON.stringify(caller.claims)],
    ["statement_timeout", timeouts.get(caller.role) ?? timeouts.get(LOGIN_ROLE) ?? NO_TIMEOUT],
    ["role", caller.role],
  ];
  if (request) {
    settings.push(
      ["request.method", request.method],
      ["request.path", request.path],
      ["request.headers", JSON.stringify(withoutCredentials(request.headers))],
    );
  }
  const calls = settings.map(([name, value]) => `set_config('${name}', ${quoteLiteral(value)}, true)`);
  return `select ${calls.join(", ")}`;
}

/** Reads the statement limits that the database's roles carry. */
export async function loadRoleTimeouts(sql: Sql): Promise<RoleTimeouts> {
  const rows = await sql<{ role: string; timeout: string }[]>`
    select r.rolname as role, split_part(setting, '=', 2) as timeout
    from pg_catalog.pg_db_role_setting s
    join pg_catalog.pg_roles r on r.oid = s.setrole
    cross join unnest(s.setconfig) as setting
    where s.setdatabase = 0 and split_part(setting, '=', 1) = 'statement_timeout'`;
  return new Map(rows.map((row) => [row.role, row.timeout]));
}

/** A string literal that no setting of the session can misread. Throws on NUL, which PostgreSQL cannot store. */
export function quoteLiteral(value: string): string {
  if (value.includes("\0")) throw new RangeError("text for the database must not contain the character NUL");
  return `E'${value.replace(/['\\]/g, "$&$&")}'`;
}

/** A quoted SQL identifier. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** What a function may read of a request's headers; who is calling it learns from the claims. */
function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !CREDENTIALS.has(name.toLowerCase())));
}

const CREDENTIALS: ReadonlySet<string> = new Set(["apikey", "authorization", "cookie"]);
