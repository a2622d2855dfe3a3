import assert from "node:assert/strict";
import type { Job } from "../domain/job.ts";
import { NO_FACTS, type OrderRequest, type VenueAnswer } from "../domain/venue.ts";
import type { VenueCall } from "../domain/venue_call.ts";
import { type Engine, EngineError, NO_ANSWER } from "../ports/engine.ts";
import type { Exchange } from "../ports/exchange.ts";
import type { Leave, Venue } from "../ports/venue.ts";
import { DONE, FakeEngine, jobOf } from "./fake_engine.ts";
import { callVenue, performCall } from "./perform_call.ts";

const KEY = { apiKey: "public", secret: "hunter2" };
const WINDOW = { timestampMs: 1_767_225_600_000, recvWindowMs: 1_000 };
/** What was left of the window when the key was opened. */
const LEFT_MS = 900;
const CANCEL = { action: "cancel", request: "a-1" } as const;
const ACCEPTED: VenueAnswer = {
  outcome: "accepted",
  reason: null,
  code: null,
  message: null,
  facts: { ...NO_FACTS, requests: 1 },
};

function callOf(asked: VenueCall["asked"], symbol: string | null = "BTCUSDT"): VenueCall {
  return { id: 7, environment: "testnet", symbol, window: WINDOW, asked };
}

interface Worlds {
  readonly exchange: Exchange;
  /** What was done, in order. */
  readonly doings: string[];
  /** What the venue was given. */
  readonly leaves: Leave[];
}

/** An exchange whose keys take `openMs` to open, or cannot be opened. */
function exchangeOf({ openMs = 0, refusal }: { openMs?: number; refusal?: unknown } = {}): Worlds {
  const doings: string[] = [];
  const leaves: Leave[] = [];
  let now = 5_000;
  const venue = new Proxy({}, {
    get: (_, name: string) => (...args: unknown[]) => {
      doings.push(name);
      const leave = args.at(-1) as Leave | undefined;
      if (leave !== undefined) leaves.push(leave);
      return Promise.resolve(ACCEPTED);
    },
  }) as Venue;
  const exchange = {
    venueOf: () => venue,
    secrets: {
      open: (id: number) => {
        doings.push(`key of ${id}`);
        now += openMs;
        return refusal === undefined
          ? Promise.resolve({ key: KEY, sendWithinMs: LEFT_MS })
          : Promise.reject(refusal);
      },
    },
    monotonicMs: () => now,
    sleep: (ms: number) => {
      doings.push(`sleep ${ms}`);
      return Promise.resolve();
    },
  };
  return { exchange, doings, leaves };
}

Deno.test("the key says what is left of a call's window, and what opening it takes is taken from that", async () => {
  const { exchange, doings, leaves } = exchangeOf({ openMs: 300 });
  assert.deepEqual(await performCall(callOf(CANCEL), exchange), ACCEPTED);
  assert.deepEqual(doings, ["key of 7", "cancel"]);
  assert.deepEqual(leaves, [{ key: KEY, window: { ...WINDOW, leaveByMs: 5_000 + LEFT_MS } }]);
});

Deno.test("the exchange's time is asked without a key", async () => {
  const { exchange, doings } = exchangeOf();
  await performCall(callOf({ action: "server_time", request: {} }, null), exchange);
  assert.deepEqual(doings, ["serverTime"]);
});

Deno.test("each action is the venue's of that name", async () => {
  const order: OrderRequest = {
    clientOrderId: "a-1",
    side: "SELL",
    type: "MARKET",
    timeInForce: null,
    quantity: "1",
    price: null,
    triggerPrice: null,
  };
  const stop = { clientOrderId: "s", triggerPrice: "1", price: null };
  const pair = { listClientOrderId: "l", quantity: "1", target: { clientOrderId: "t", price: "2" }, stop };
  const actions: readonly [VenueCall["asked"], string][] = [
    [{ action: "submit", request: order }, "submit"],
    [{ action: "check_order", request: order }, "checkOrder"],
    [{ action: "submit_pair", request: pair }, "submitPair"],
    [CANCEL, "cancel"],
    [{ action: "replace", request: { cancelClientOrderId: "s", order } }, "replace"],
    [{ action: "lookup", request: { clientOrderId: "a-1" } }, "lookup"],
    [{ action: "fills", request: { sinceMs: 1 } }, "fills"],
    [{ action: "open_orders", request: {} }, "openOrders"],
    [{ action: "balances", request: {} }, "balances"],
  ];
  for (const [asked, method] of actions) {
    const { exchange, doings } = exchangeOf();
    await performCall(callOf(asked), exchange);
    assert.deepEqual(doings, ["key of 7", method]);
  }
});

Deno.test("without its key or its venue a call is not sent, and nothing near a key is repeated", async () => {
  const refusals: readonly [unknown, VenueAnswer["reason"]][] = [
    [new EngineError("FB409", "call_over", "call_over: its time is over"), "window_over"],
    [new EngineError("FB423", "key_unavailable", "key_unavailable: no key"), "key_unavailable"],
    [new EngineError(NO_ANSWER, NO_ANSWER, "no answer came"), "unreachable"],
    [new TypeError("hunter2"), "unreachable"],
    ["hunter2", "unreachable"],
  ];
  for (const [refusal, reason] of refusals) {
    const { exchange, doings } = exchangeOf({ refusal, openMs: 20 });
    const answer = await performCall(callOf(CANCEL), exchange);
    assert.deepEqual([answer.outcome, answer.reason], ["not_sent", reason]);
    assert.deepEqual(answer.facts, { ...NO_FACTS, elapsedMs: 20 });
    assert.ok(!JSON.stringify(answer).includes("hunter2"));
    assert.deepEqual(doings, ["key of 7"]);
  }
  const { exchange, doings } = exchangeOf();
  const nowhere = () => {
    throw new Error("the venue's address is not an http(s) URL");
  };
  const answer = await performCall(callOf(CANCEL), { ...exchange, venueOf: nowhere });
  assert.deepEqual([answer.outcome, answer.reason, doings], ["not_sent", "unreachable", []]);
  assert.match(answer.message!, /http/);
});

/** An engine that takes an answer after it has thrown these. */
function hesitant(refusals: readonly unknown[]): { engine: Engine; answers: VenueAnswer[] } {
  const answers: VenueAnswer[] = [];
  const engine: Engine = Object.assign(new FakeEngine([]), {
    answer: (_job: Job, _callId: number, answer: VenueAnswer) => {
      const refusal = refusals[answers.length];
      answers.push(answer);
      return refusal === undefined ? Promise.resolve(DONE) : Promise.reject(refusal);
    },
  });
  return { engine, answers };
}

const refused = (sqlstate: string) => new EngineError(sqlstate, sqlstate, "no");

Deno.test("an answer is reported until the engine has it, and the call is made once", async () => {
  const { exchange, doings } = exchangeOf();
  const { engine, answers } = hesitant([refused(NO_ANSWER), refused("55P03"), refused("40001")]);
  assert.deepEqual(await callVenue({ engine, exchange }, jobOf(1), callOf(CANCEL), () => null), DONE);
  assert.deepEqual(answers, [ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED]);
  assert.deepEqual(doings, ["key of 7", "cancel", "sleep 50", "sleep 200", "sleep 1000"]);
});

Deno.test("an answer that the engine refuses, or does not take in four tries, is given up", async () => {
  const endless = Array.from({ length: 9 }, () => refused("40P01"));
  for (
    const [refusals, tries] of [[endless, 4], [[refused("FB409")], 1], [[new TypeError("x")], 1]] as const
  ) {
    const { engine, answers } = hesitant(refusals);
    await assert.rejects(callVenue({ engine, ...exchangeOf() }, jobOf(1), callOf(CANCEL), () => null));
    assert.equal(answers.length, tries);
  }
});
