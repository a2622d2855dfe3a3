import type { Admitted } from "../http/api.ts";
import { answerJson, type Json, type WireAnswer } from "../http/wire.ts";
import type { Alteration, FaultKind, FaultRule } from "./faults.ts";

/** How an answer reaches the client, if it does. */
export type Delivery =
  | { readonly kind: "answer"; readonly answer: WireAnswer }
  /** The connection ends without a byte. */
  | { readonly kind: "dropped" }
  /** The head and half of the body, then the end of the connection, at once or after a while. */
  | { readonly kind: "cut"; readonly answer: WireAnswer; readonly afterMs: number };

/** Status, code and words of failures that say so. */
const SAID: Partial<Readonly<Record<FaultKind, readonly [status: number, code: number, msg: string]>>> = {
  bus_error: [
    500,
    -1006,
    "An unexpected response was received from the message bus. Execution status unknown.",
  ],
  backend_timeout: [
    504,
    -1007,
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
  ],
  internal_error: [500, -1001, "Internal error; unable to process your request. Please try again."],
  overloaded: [
    503,
    -1008,
    "Server is currently overloaded with other requests. Please try again in a few minutes.",
  ],
};

/** What the client gets to see. `answer` is null where the request was not carried out. */
export function deliver(fault: FaultRule, admitted: Admitted, answer: WireAnswer | null): Delivery {
  const instead = insteadOf(fault);
  if (instead !== null) return { kind: "answer", answer: instead };
  const whole = answer ?? admitted.execute();
  switch (fault.kind) {
    case "answer_lost":
      return { kind: "dropped" };
    case "truncated":
      return { kind: "cut", answer: whole, afterMs: 0 };
    case "stalled":
      return { kind: "cut", answer: whole, afterMs: fault.ms };
    case "altered":
      return { kind: "answer", answer: altered(whole, fault.alter ?? {}, fault.padding ?? 0) };
    case "duplicate":
      admitted.execute();
      return { kind: "answer", answer: whole };
    default:
      return { kind: "answer", answer: whole };
  }
}

/** The answer that takes the place of the true one; null: none does. */
function insteadOf({ kind, status, ms }: FaultRule): WireAnswer | null {
  const said = SAID[kind];
  if (said !== undefined) return answerJson({ code: said[1], msg: said[2] }, {}, status ?? said[0]);
  if (kind === "server_error") return { status: status ?? 503, headers: {}, body: "" };
  if (kind === "html") return htmlAnswer(status ?? 502);
  if (kind === "not_found") return answerJson({ code: -2013, msg: "Order does not exist." }, {}, 400);
  if (kind !== "too_many") return null;
  const retry = { "Retry-After": String(Math.max(1, Math.ceil(ms / 1_000))) };
  const msg = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE.";
  return answerJson({ code: -1003, msg }, retry, 429);
}

function htmlAnswer(status: number): WireAnswer {
  const body =
    `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n` +
    "</body>\r\n</html>\r\n";
  return { status, headers: { "Content-Type": "text/html" }, body };
}

/** The answer with other fields, on its top or in each of its rows, and with white space before its end. */
function altered(answer: WireAnswer, alter: Alteration, padding: number): WireAnswer {
  const body = JSON.parse(answer.body) as Json;
  const text = JSON.stringify(
    Array.isArray(body) ? body.map((row) => alteredRow(row, alter)) : alteredRow(body, alter),
  );
  return { ...answer, body: `${text.slice(0, -1)}${" ".repeat(padding)}${text.slice(-1)}` };
}

function alteredRow(row: Json, alter: Alteration): Json {
  if (typeof row !== "object" || row === null || Array.isArray(row)) return row;
  return Object.fromEntries(Object.entries({ ...row, ...alter }).filter(([name]) => alter[name] !== null));
}
