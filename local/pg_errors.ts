/** How database errors are told to an API client: PostgREST's bodies and statuses. */

/** What a client of the Data API receives in place of a result. */
export interface ApiError {
  readonly status: number;
  readonly body: ApiErrorBody;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiErrorBody {
  readonly code: string;
  readonly message: string;
  readonly details: string | null;
  readonly hint: string | null;
}

/** The fields of an error that PostgreSQL reported; the driver adds others that must not leave the process. */
export interface DatabaseError {
  readonly code: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** SQLSTATEs with a status of their own; everything unlisted falls to its class, then to 400. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  "23503": 409,
  "23505": 409,
  "25006": 405,
  "42883": 404,
  "42P01": 404,
  "42P17": 500,
  "57P01": 503,
  P0001: 400,
};

const STATUS_BY_CLASS: Readonly<Record<string, number>> = {
  "08": 503,
  "09": 500,
  "0L": 403,
  "0P": 403,
  "21": 500,
  "25": 500,
  "28": 403,
  "2D": 500,
  "38": 500,
  "39": 500,
  "3B": 500,
  "40": 500,
  "53": 503,
  "54": 500,
  "55": 500,
  "57": 500,
  "58": 500,
  F0: 500,
  HV: 500,
  P0: 500,
  XX: 500,
};

/** Driver and server codes that mean "no connection now", not "your request is wrong". */
const CONNECTION_CODES: ReadonlySet<string> = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "57P01",
  "57P02",
  "57P03",
]);

/** Whether an error was reported by PostgreSQL itself. */
export function isDatabaseError(error: unknown): error is DatabaseError {
  return error instanceof Error && error.name === "PostgresError" && "code" in error;
}

/** Whether an error means that the database could not be reached or went away. */
export function isConnectionError(error: unknown): boolean {
  return error instanceof Error && "code" in error && CONNECTION_CODES.has(String(error.code));
}

/** The answer to a failed request of a caller; `isAnonymous` turns a missing right into "sign in" (401). */
export function apiErrorOf(error: unknown, isAnonymous: boolean): ApiError {
  if (isConnectionError(error)) return DATABASE_AWAY;
  if (!isDatabaseError(error)) return INTERNAL;
  if (error.code === "PGRST") return raisedAnswer(error);
  const { code, message, detail = null, hint = null } = error;
  return { status: statusOf(error, isAnonymous), body: { code, message, details: detail, hint } };
}

/** The HTTP status of a database error. */
export function statusOf({ code, message }: DatabaseError, isAnonymous: boolean): number {
  if (code === "42501") return isAnonymous ? 401 : 403;
  if (code === "21000" && message.endsWith("requires a WHERE clause")) return 400;
  if (code === "53400") return 500;
  const chosen = /^PT(\d{3})$/.exec(code)?.[1];
  if (chosen !== undefined) return isHttpStatus(Number(chosen)) ? Number(chosen) : 500;
  return STATUS_BY_CODE[code] ?? STATUS_BY_CLASS[code.slice(0, 2)] ?? 400;
}

/** A status that an answer may carry: final, and known to HTTP. */
export function isHttpStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

const DATABASE_AWAY: ApiError = {
  status: 503,
  body: {
    code: "PGRST001",
    message: "Database client error. Retrying the connection.",
    details: null,
    hint: null,
  },
};

const INTERNAL: ApiError = {
  status: 500,
  body: { code: "PGRSTX00", message: "Internal error of the Data API", details: null, hint: null },
};

/** `raise sqlstate 'PGRST'` lets a function write the whole answer: body in MESSAGE, status and headers in DETAIL. */
function raisedAnswer(error: DatabaseError): ApiError {
  const body = parseObject(error.message);
  const detail = parseObject(error.detail ?? "");
  const status = Number(detail?.status);
  if (!body || typeof body.code !== "string" || typeof body.message !== "string" || !isHttpStatus(status)) {
    return UNREADABLE_RAISE;
  }
  return {
    status,
    body: { code: body.code, message: body.message, details: text(body.details), hint: text(body.hint) },
    headers: headersOf(detail?.headers),
  };
}

const UNREADABLE_RAISE: ApiError = {
  status: 500,
  body: {
    code: "PGRST121",
    message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`,
    details: null,
    hint: "MESSAGE must be a JSON object with 'code' and 'message', DETAIL one with 'status' and 'headers'.",
  },
};

function headersOf(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function parseObject(json: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : null;
  } catch {
    return null;
  }
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
