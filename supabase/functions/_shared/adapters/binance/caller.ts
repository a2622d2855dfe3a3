/** Calls of a venue: one request for what changes something, a few tries for a question. */
import {
  type CallFacts,
  NO_FACTS,
  type Outcome,
  type Reason,
  type SendWindow,
  type VenueAnswer,
} from "../../domain/venue.ts";
import type { Leave } from "../../ports/venue.ts";
import { readRefusal } from "./answers.ts";
import type { Endpoint, OrdersClient, Params, Reply } from "./ccxt_orders.ts";
import { factsOf, wordsOf } from "./facts.ts";
import { type Action, judge, type Verdict } from "./outcomes.ts";
import type { Outside, TransportFailure } from "./transport.ts";

/** From a request's departure to the last byte of its answer. Binance itself gives up on its engine after 10 s. */
export const CHANGE_DEADLINE_MS = 5_000;
/** All tries of a question together. */
export const QUESTION_DEADLINE_MS = 5_000;
/** All questions of a call together; a job's lease is twice as long. */
export const CALL_DEADLINE_MS = 15_000;
/** Of all questions of a call together: a try costs request weight that nobody has drawn from the budget. */
const MORE_TRIES = 2;
const BACK_OFF_MS = 200;

const FAILURES: Readonly<Record<TransportFailure, Verdict & { readonly words: string }>> = {
  window_over: {
    outcome: "not_sent",
    reason: "window_over",
    words: "its window was over before it could leave",
  },
  unreachable: { outcome: "not_sent", reason: "unreachable", words: "no connection could be made" },
  no_answer: { outcome: "unknown", reason: "no_answer", words: "no whole answer came within the deadline" },
  malformed_answer: {
    outcome: "unknown",
    reason: "malformed_answer",
    words: "the answer is longer than any may be",
  },
};
const NOT_SIGNED = {
  outcome: "not_sent",
  reason: "key_refused",
  words: "no request can be signed with this key",
} as const;

/** A call with its credentials and the moment that its window began, on the monotonic clock. */
export interface Call {
  readonly action: Action;
  readonly leave: Leave | null;
  readonly startedAtMs: number;
  /** Requests of it that left, or may have. After the first one its window does not bind the others. */
  requests: number;
  /** How often one of its questions may be asked again. */
  triesLeft: number;
}

/** How a request ended, before its content is read. */
export interface Ended {
  readonly outcome: Outcome;
  readonly reason: Reason | null;
  readonly code: number | null;
  readonly message: string | null;
  readonly facts: CallFacts;
  /** The answer's JSON, of a refusal too. */
  readonly json: unknown;
}

const NO_TIME_LEFT: Ended = {
  outcome: "unknown",
  reason: "no_answer",
  code: null,
  message: "the questions that make the whole answer take too long",
  facts: NO_FACTS,
  json: undefined,
};

/** The part of an answer that every call has. */
export function answerOf({ outcome, reason, code, message, facts }: Ended): VenueAnswer {
  return { outcome, reason, code, message, facts };
}

/** An answer to a request that was never made. */
export function notSent(reason: Reason, message: string): VenueAnswer {
  return { outcome: "not_sent", reason, code: null, message, facts: NO_FACTS };
}

/** Makes calls over one connection, one request after the other. */
export class Caller {
  constructor(private readonly client: () => Promise<OrdersClient>, private readonly outside: Outside) {}

  begin(action: Action, leave: Leave | null): Call {
    return { action, leave, startedAtMs: this.outside.monotonicMs(), requests: 0, triesLeft: MORE_TRIES };
  }

  /** How long ago a call began. */
  elapsedMs({ startedAtMs }: Call): number {
    return this.outside.monotonicMs() - startedAtMs;
  }

  /** Sends a request that changes something: once, with the timestamp that its permit names. */
  async change(call: Call, endpoint: Endpoint, params: Params): Promise<Ended> {
    const { window } = call.leave!;
    return await this.#request(call, endpoint, { ...params, ...timing(window, 0) }, CHANGE_DEADLINE_MS);
  }

  /** Asks until there is an answer, within the deadline and the call's tries. */
  async ask(call: Call, endpoint: Endpoint, params: Params): Promise<Ended> {
    const startedAt = this.outside.monotonicMs();
    const endsAt = Math.min(startedAt + QUESTION_DEADLINE_MS, call.startedAtMs + CALL_DEADLINE_MS);
    if (startedAt >= endsAt) return NO_TIME_LEFT;
    for (let waitMs = BACK_OFF_MS;; waitMs *= 2) {
      const signed = call.leave === null ? {} : timing(call.leave.window, this.elapsedMs(call));
      const left = endsAt - this.outside.monotonicMs();
      const ended = await this.#request(call, endpoint, { ...params, ...signed }, left);
      if (!mayAskAgain(ended) || call.triesLeft === 0) return ended;
      if (this.outside.monotonicMs() + waitMs >= endsAt) return ended;
      call.triesLeft--;
      await this.outside.sleep(waitMs);
    }
  }

  async #request(call: Call, endpoint: Endpoint, params: Params, deadlineMs: number): Promise<Ended> {
    const { leave } = call;
    const key = leave?.key ?? null;
    const client = await this.client();
    const isBound = leave !== null && call.requests === 0;
    const leaveByMs = isBound ? leave.window.leaveByMs : Infinity;
    // Until it is proven that it did not leave, it did, whatever goes wrong from here on.
    call.requests++;
    const reply = await client.request(endpoint, params, key, { leaveByMs, deadlineMs });
    if (reply.exchanged.sentAtMs === null) call.requests--;
    const facts = factsOf(reply.exchanged, key, this.outside.now());
    return { ...this.#verdictOf(reply, call), facts, json: reply.json };
  }

  #verdictOf(reply: Reply, { action, leave, requests }: Call): Omit<Ended, "facts" | "json"> {
    const { failure, status } = reply.exchanged;
    if (failure !== null || status === null) {
      const { words, ...verdict } = failure === null ? NOT_SIGNED : FAILURES[failure];
      // That this request did not leave says nothing of those before it.
      const outcome = requests > 0 && verdict.outcome === "not_sent" ? "unknown" : verdict.outcome;
      return { ...verdict, outcome, code: null, message: words };
    }
    const { code, message } = readRefusal(reply.json);
    const words = message === null ? `HTTP ${status}` : wordsOf(message, leave?.key ?? null);
    if (status < 200 || status > 299) {
      return { ...judge({ status, code, message: message ?? "" }, action), code, message: words };
    }
    if (reply.isSuccess) return { outcome: "accepted", reason: null, code: null, message: null };
    return { outcome: "unknown", reason: "malformed_answer", code, message: words };
  }
}

/** The moment of signing by the exchange's clock, as it was when the window began plus what has gone by since. */
function timing({ timestampMs, recvWindowMs }: SendWindow, elapsedMs: number): Params {
  return { timestamp: timestampMs + Math.floor(elapsedMs), recvWindow: recvWindowMs };
}

/**
 * Not after a refusal, or an answer that will be the same the next time. A limit's refusal is for the whole address and
 * account: the budget in the database has to hear of it before anybody asks again.
 */
function mayAskAgain({ outcome, reason }: Ended): boolean {
  return outcome === "unknown" ? reason !== "malformed_answer" : reason === "unreachable";
}
