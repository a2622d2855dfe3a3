import assert from "node:assert/strict";
import { buy, leaveFor, standing, SYMBOL, venueAt } from "../../../../../tests/harness/binance_floor.ts";
import { connectOrders } from "./ccxt_orders.ts";
import { BinanceVenue } from "./venue.ts";

interface Sent {
  readonly at: number;
  readonly timestamp: string | null;
}

/** A venue whose requests are answered from a list; the last answer is repeated. */
function scripted(...answers: readonly (Response | Error)[]) {
  const clock = { now: 0, monotonic: 1_000, answerMs: 0 };
  const sent: Sent[] = [];
  const send = (url: string) => {
    sent.push({ at: clock.monotonic, timestamp: new URL(url).searchParams.get("timestamp") });
    clock.monotonic += clock.answerMs;
    const answer = answers[Math.min(sent.length, answers.length) - 1]!;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer.clone());
  };
  const outside = standing(send as typeof fetch, clock);
  return { venue: venueAt("http://venue.invalid", outside), sent, clock, outside };
}

const LOST = new TypeError("fetch failed", {
  cause: new Error("connection closed before message completed"),
});
const REFUSING = new TypeError("fetch failed", {
  cause: new Error("client error (Connect): tcp connect error: Connection refused (os error 111)"),
});
/** As many fills as `myTrades` gives at once. */
const PAGE = Array.from({ length: 1_000 }, (_, index) => ({
  ...{ symbol: SYMBOL, id: index + 1, orderId: 1, price: "1", qty: "1", quoteQty: "1", commission: "0" },
  ...{ commissionAsset: "BNB", time: 1_795_345_744_500, isBuyer: true, isMaker: true },
}));
const ACCOUNT = Response.json({ uid: 1, canTrade: true, balances: [] });
const refused = (status: number, code: number, headers: Record<string, string> = {}) =>
  Response.json({ code, msg: "No." }, { status, headers });

Deno.test("a question is tried three times, later each time, and stamped anew", async () => {
  const { venue, sent } = scripted(LOST, new Response("", { status: 503 }), ACCOUNT);
  const answer = await venue.balances(leaveFor(undefined, 5_000_000));
  assert.equal(answer.outcome, "accepted");
  assert.deepEqual(sent, [
    { at: 1_000, timestamp: "5000000" },
    { at: 1_200, timestamp: "5000200" },
    { at: 1_600, timestamp: "5000600" },
  ]);
});

Deno.test("a question that is never answered ends after three tries", async () => {
  const { venue, sent } = scripted(LOST);
  const answer = await venue.balances(leaveFor());
  assert.deepEqual([answer.outcome, answer.reason, sent.length], ["unknown", "no_answer", 3]);
});

Deno.test("a question that once left is unknown when it cannot be asked again, and unsent when it never left", async () => {
  const late = scripted(LOST, REFUSING);
  assert.equal((await late.venue.balances(leaveFor())).outcome, "unknown");
  const never = scripted(REFUSING);
  const answer = await never.venue.balances(leaveFor());
  assert.deepEqual([answer.outcome, answer.reason, never.sent.length], ["not_sent", "unreachable", 3]);
});

Deno.test("a refusal, a limit, a ban, and an answer that makes no sense are not asked for again", async () => {
  for (
    const [response, reason] of [
      [refused(400, -1121), "symbol_not_trading"],
      [refused(401, -2015), "key_refused"],
      [refused(400, -1021), "clock_skewed"],
      [refused(418, -1003), "banned"],
      [refused(429, -1003, { "retry-after": "1" }), "rate_limited"],
      [Response.json({ uid: 1 }), "malformed_answer"],
      [new Response("<html></html>"), "malformed_answer"],
      [refused(200, -1000), "malformed_answer"],
    ] as const
  ) {
    const { venue, sent } = scripted(response);
    assert.equal((await venue.balances(leaveFor())).reason, reason);
    assert.equal(sent.length, 1, reason);
  }
});

Deno.test("an answer says how many requests it took, the ones that nobody answered too", async () => {
  const { venue } = scripted(LOST, new Response("", { status: 503 }), ACCOUNT);
  assert.equal((await venue.balances(leaveFor())).facts.requests, 3);
  const sent = scripted(refused(400, -2010));
  assert.equal((await sent.venue.submit(SYMBOL, buy("a-1"), leaveFor())).facts.requests, 1);
  const paged = scripted(LOST, Response.json(PAGE), Response.json([]));
  assert.equal((await paged.venue.fills(SYMBOL, { exchangeOrderId: "1" }, leaveFor())).facts.requests, 3);
  const unsent = scripted(REFUSING);
  assert.equal((await unsent.venue.balances(leaveFor())).facts.requests, 0);
  const odd = scripted(LOST, Response.json({ uid: 1 }));
  assert.equal((await odd.venue.balances(leaveFor())).facts.requests, 2);
});

Deno.test("all questions of a call share its two further tries", async () => {
  const { venue, sent } = scripted(LOST, Response.json(PAGE), LOST, Response.json(PAGE), LOST, ACCOUNT);
  const { outcome, reason, facts } = await venue.fills(SYMBOL, { exchangeOrderId: "1" }, leaveFor());
  assert.deepEqual([outcome, reason, facts.requests, sent.length], ["unknown", "no_answer", 5, 5]);
});

Deno.test("a request after which anything breaks here is unknown, never unsent", async () => {
  const broken = { request: () => Promise.reject(new Error("a bug of ours")) };
  const outside = standing(() => Promise.reject(LOST));
  const venue = new BinanceVenue(() => Promise.resolve(broken), outside);
  for (
    const answer of [await venue.submit(SYMBOL, buy("a-1"), leaveFor()), await venue.balances(leaveFor())]
  ) {
    assert.deepEqual([answer.outcome, answer.facts.requests], ["unknown", 1]);
  }
  const absent = new BinanceVenue(() => Promise.reject(new Error("not loaded")), outside);
  const { outcome, reason } = await absent.submit(SYMBOL, buy("a-1"), leaveFor());
  assert.deepEqual([outcome, reason], ["not_sent", "unreachable"]);
});

Deno.test("a call of many questions comes to an end, and brings no half of an answer", async () => {
  const { venue, sent, clock } = scripted(Response.json(PAGE));
  clock.answerMs = 4_000;
  const { outcome, reason, fills } = await venue.fills(SYMBOL, { exchangeOrderId: "1" }, leaveFor());
  assert.deepEqual([outcome, reason, fills], ["unknown", "no_answer", undefined]);
  assert.equal(sent.length, 4);
});

Deno.test("what changes something carries the timestamp of its permit, however late it leaves", async () => {
  const { sent, clock, outside } = scripted(refused(400, -2011));
  const slow = new BinanceVenue(() => {
    clock.monotonic += 500;
    return Promise.resolve(connectOrders("http://venue.invalid", outside));
  }, outside);
  await slow.cancel(SYMBOL, "a-1", leaveFor(undefined, 5_000_000));
  assert.deepEqual(sent, [{ at: 1_500, timestamp: "5000000" }]);
});

Deno.test("what changes something is never tried again", async () => {
  for (
    const answer of [LOST, new Response("", { status: 503 }), refused(429, -1003, { "retry-after": "1" })]
  ) {
    const { venue, sent } = scripted(answer);
    await venue.submit(SYMBOL, buy("a-1"), leaveFor());
    await venue.cancel(SYMBOL, "a-1", leaveFor());
    await venue.replace(SYMBOL, { cancelClientOrderId: "a-1", order: buy("a-2") }, leaveFor());
    assert.equal(sent.length, 3);
  }
});

Deno.test("nothing that is asked for makes a venue throw", async () => {
  const { venue, sent } = scripted(ACCOUNT);
  for (
    const answer of [
      await venue.submit("", buy("a-1"), leaveFor()),
      await venue.submit(SYMBOL, buy(""), leaveFor()),
      await venue.submit(SYMBOL, buy("x".repeat(37)), leaveFor()),
      await venue.submit(SYMBOL, buy("a 1"), leaveFor()),
      await venue.submit(SYMBOL, buy("a-1", { quantity: "0" }), leaveFor()),
      await venue.submit(SYMBOL, buy("a-1", { quantity: "1e-7" }), leaveFor()),
      await venue.submit(SYMBOL, buy("a-1", { quantity: "-1" }), leaveFor()),
      await venue.submit(SYMBOL, buy("a-1", { type: "LIMIT", timeInForce: "GTC" }), leaveFor()),
      await venue.submit(SYMBOL, buy("a-1", { type: "LIMIT", price: "1" }), leaveFor()),
      await venue.submit(SYMBOL, buy("a-1", { type: "STOP_LOSS" }), leaveFor()),
      await venue.cancel(SYMBOL, "", leaveFor()),
      await venue.lookup("BTC/USDT", { clientOrderId: "a-1" }, leaveFor()),
      await venue.fills(SYMBOL, { exchangeOrderId: "" }, leaveFor()),
    ]
  ) {
    assert.deepEqual([answer.outcome, answer.reason, answer.facts.sentAtMs], [
      "not_sent",
      "bad_request",
      null,
    ]);
  }
  assert.deepEqual(sent, []);
});
