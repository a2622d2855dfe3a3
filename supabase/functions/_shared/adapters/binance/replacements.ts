/** What became of a cancel-replace, whose halves can end differently. */
import type { ExchangeKey, ReplaceRequest, VenueAnswer } from "../../domain/venue.ts";
import {
  AnswerMismatch,
  type Halves,
  readCancelled,
  readHalves,
  readPlaced,
  readRefusal,
} from "./answers.ts";
import { answerOf, type Ended } from "./caller.ts";
import { wordsOf } from "./facts.ts";
import { judge } from "./outcomes.ts";

const CANCEL_REPLACE_PARTIALLY_FAILED = -2021;
const CANCEL_REPLACE_FAILED = -2022;

/**
 * Reads the answer to a cancel-replace that was to do both or nothing. Throws where it is not as documented.
 *
 * The halves' own errors decide: one that leaves open what was done (-1007) leaves the whole open, and then the order
 * that is certainly gone is told of all the same.
 */
export function readReplacement(
  ended: Ended,
  symbol: string,
  request: ReplaceRequest,
  key: ExchangeKey,
): VenueAnswer {
  const answer = answerOf(ended);
  if (ended.outcome === "accepted") return { ...answer, ...both(readHalves(ended.json), symbol, request) };
  if (!isTold(ended)) return answer;
  const halves = readHalves((ended.json as { data?: unknown }).data);
  const told = { ...answer, message: wordsOf(`${ended.message} ${failureOf(halves)}`, key) };
  if (halves.cancelResult === "SUCCESS") {
    requireResult(halves.newOrderResult === "FAILURE");
    const cancelled = readCancelled(halves.cancelResponse, symbol, request.cancelClientOrderId);
    const isRefused = isRejected(halves.newOrderResponse, "submit");
    return { ...told, ...(isRefused && { outcome: "rejected", reason: "replace_half_done" }), cancelled };
  }
  requireResult(halves.cancelResult === "FAILURE" && halves.newOrderResult === "NOT_ATTEMPTED");
  const isRefused = isRejected(halves.cancelResponse, "cancel");
  return { ...told, ...(isRefused && { outcome: "rejected", reason: "cancel_failed" }) };
}

/** Whether the answer tells what became of each half, under a status that says it is to be believed. */
function isTold({ code, facts: { httpStatus } }: Ended): boolean {
  return (code === CANCEL_REPLACE_PARTIALLY_FAILED && httpStatus === 409) ||
    (code === CANCEL_REPLACE_FAILED && httpStatus === 400);
}

function both(halves: Halves, symbol: string, request: ReplaceRequest): Partial<VenueAnswer> {
  requireResult(halves.cancelResult === "SUCCESS" && halves.newOrderResult === "SUCCESS");
  return {
    cancelled: readCancelled(halves.cancelResponse, symbol, request.cancelClientOrderId),
    order: readPlaced(halves.newOrderResponse, symbol, request.order),
  };
}

function requireResult(isPossible: boolean): void {
  if (!isPossible) {
    throw new AnswerMismatch("the halves' results cannot be those of an order that stops on failure");
  }
}

/** A half's error has no HTTP status of its own; its code is read as under 400. */
function isRejected(half: unknown, action: "submit" | "cancel"): boolean {
  const { code, message } = readRefusal(half);
  return judge({ status: 400, code, message: message ?? "" }, action).outcome === "rejected";
}

/** What the half that failed says. */
function failureOf({ cancelResult, cancelResponse, newOrderResponse }: Halves): string {
  const { code, message } = readRefusal(cancelResult === "SUCCESS" ? newOrderResponse : cancelResponse);
  return `${code}: ${message}`;
}
