import { Rejection } from "../engine/rejection.ts";

/** A request as it came over the wire: nothing decoded, for signatures are over what was sent. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
  readonly apiKey: string | null;
  readonly ip: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** A refusal with more than code and words: what else stands in the body, and its HTTP status. */
export class RefusalWithData extends Rejection {
  constructor(code: number, message: string, readonly status: number, readonly data: Json) {
    super(code, message);
  }
}

/** Too many requests or orders; `Retry-After` says for how long. */
export class Throttled extends Rejection {
  constructor(
    code: number,
    message: string,
    readonly status: 418 | 429,
    readonly retryAfterS: number,
    readonly data: Json | null = null,
  ) {
    super(code, message);
  }
}

const UNAUTHORIZED: ReadonlySet<number> = new Set([-1002, -2014, -2015]);

export function answerJson(
  body: Json,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): WireAnswer {
  const type = { "Content-Type": "application/json;charset=UTF-8" };
  return { status, headers: { ...type, ...headers }, body: JSON.stringify(body) };
}

export function answerRejection(
  rejection: Rejection,
  headers: Readonly<Record<string, string>> = {},
): WireAnswer {
  const { code, message: msg } = rejection;
  if (rejection instanceof Throttled) {
    const { status, retryAfterS, data } = rejection;
    const retry = { ...headers, "Retry-After": String(retryAfterS) };
    return answerJson(data === null ? { code, msg } : { code, msg, data }, retry, status);
  }
  if (rejection instanceof RefusalWithData) {
    return answerJson({ code, msg, data: rejection.data }, headers, rejection.status);
  }
  return answerJson({ code, msg }, headers, UNAUTHORIZED.has(code) ? 401 : 400);
}
