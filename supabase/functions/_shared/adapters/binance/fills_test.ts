import assert from "node:assert/strict";
import { MAX_DAYS_BACK, MAX_REQUESTS } from "./fills.ts";
import { leaveFor, standing, SYMBOL, venueAt } from "../../../../../tests/harness/binance_floor.ts";

const DAY_MS = 24 * 60 * 60_000;
const NOW = 1_795_345_744_500;

interface Trade {
  readonly id: number;
  readonly orderId: number;
  readonly time: number;
}

/** Answers `myTrades` as documented: bounds that count, at most 24 hours, at most `limit` rows, the oldest first. */
function exchangeWith(trades: readonly Trade[], failAt = Infinity) {
  const asked: URLSearchParams[] = [];
  const send = (url: string) => {
    const params = new URL(url).searchParams;
    asked.push(params);
    if (asked.length >= failAt) {
      return Promise.resolve(Response.json({ code: -1121, msg: "Invalid symbol." }, { status: 400 }));
    }
    const number = (name: string, missing: number) => params.has(name) ? Number(params.get(name)) : missing;
    const [start, end] = [number("startTime", -1), number("endTime", Infinity)];
    if (start >= 0 && end - start > DAY_MS) {
      return Promise.resolve(Response.json({ code: -1127, msg: "More than 24 hours." }, { status: 400 }));
    }
    const rows = trades.filter(({ id, orderId, time }) =>
      time >= start && time <= end && id >= number("fromId", 0) && orderId === number("orderId", orderId)
    ).slice(0, number("limit", 500));
    return Promise.resolve(Response.json(rows.map((row) => ({
      ...row,
      ...{ symbol: SYMBOL, price: "10", qty: "1", quoteQty: "10", commission: "0", commissionAsset: "USDT" },
      ...{ isBuyer: true, isMaker: false },
    }))));
  };
  const venue = venueAt("http://venue.invalid", standing(send as typeof fetch));
  const fills = (request: { exchangeOrderId: string } | { sinceMs: number }) =>
    venue.fills(SYMBOL, request, leaveFor(undefined, NOW));
  return { fills, asked };
}

function tradesFrom(count: number, at: (index: number) => number, orderId = 1): Trade[] {
  return Array.from({ length: count }, (_, index) => ({ id: index + 1, orderId, time: at(index) }));
}

Deno.test("an order's fills are one request, however few", async () => {
  const { fills, asked } = exchangeWith([...tradesFrom(3, () => NOW), { id: 9, orderId: 2, time: NOW }]);
  const answer = await fills({ exchangeOrderId: "1" });
  assert.deepEqual(answer.fills!.map(({ tradeId }) => tradeId), ["1", "2", "3"]);
  assert.deepEqual(asked.map((params) => params.get("orderId")), ["1"]);
});

Deno.test("an order with more fills than a page holds is read to its end", async () => {
  const { fills, asked } = exchangeWith(tradesFrom(2_000, () => NOW));
  const answer = await fills({ exchangeOrderId: "1" });
  assert.deepEqual(
    answer.fills!.map(({ tradeId }) => Number(tradeId)),
    tradesFrom(2_000, () => 0).map(({ id }) => id),
  );
  assert.deepEqual(asked.map((params) => params.get("fromId")), [null, "1001", "2001"]);
});

Deno.test("fills since a moment are all there, over quiet days, full pages, and the edges of days", async () => {
  const since = NOW - 5 * DAY_MS;
  const times = [since - 1, since, since + 2 * DAY_MS - 1, since + 2 * DAY_MS, NOW - 1, NOW];
  const trades = times.map((time, index) => ({ id: index + 1, orderId: index, time }));
  const first = exchangeWith(trades);
  assert.deepEqual((await first.fills({ sinceMs: since })).fills!.map(({ tradeId }) => tradeId), [
    "2",
    "3",
    "4",
    "5",
    "6",
  ]);
  const quiet = exchangeWith(trades.slice(3));
  assert.deepEqual((await quiet.fills({ sinceMs: since })).fills!.map(({ tradeId }) => tradeId), [
    "4",
    "5",
    "6",
  ]);
  const many = exchangeWith(tradesFrom(3_500, (index) => since + index * 60_000));
  const all = (await many.fills({ sinceMs: since })).fills!;
  assert.equal(all.length, 3_500);
  assert.equal(new Set(all.map(({ tradeId }) => tradeId)).size, 3_500);
});

Deno.test("a page with room left that reaches the present is asked for alone", async () => {
  const since = NOW - DAY_MS / 2;
  const { fills, asked } = exchangeWith(tradesFrom(999, () => NOW));
  assert.equal((await fills({ sinceMs: since })).fills!.length, 999);
  assert.equal(asked.length, 1);
});

Deno.test("a full page is followed by the next number, though all of it and more is of one millisecond", async () => {
  const { fills, asked } = exchangeWith(tradesFrom(1_001, () => NOW));
  const answer = await fills({ sinceMs: NOW - DAY_MS / 2 });
  assert.deepEqual(answer.fills!.map(({ tradeId }) => Number(tradeId)).slice(-2), [1_000, 1_001]);
  assert.deepEqual(asked.map((params) => params.get("fromId")), [null, "1001"]);
});

Deno.test("a day's page that ends now or before says nothing of what the exchange did since", async () => {
  for (
    const [since, late] of [[NOW - DAY_MS + 1, NOW + 1], [NOW - DAY_MS, NOW], [
      NOW - 2 * DAY_MS,
      NOW,
    ]] as const
  ) {
    const trades = [since, late].map((time, index) => ({ id: index + 1, orderId: index, time }));
    const both = await exchangeWith(trades).fills({ sinceMs: since });
    assert.deepEqual(both.fills!.map(({ tradeId }) => tradeId), ["1", "2"]);
    const one = await exchangeWith(trades.slice(1)).fills({ sinceMs: since });
    assert.deepEqual(one.fills!.map(({ tradeId }) => tradeId), ["2"]);
  }
});

Deno.test("no fills since a moment are known to be none after the last day was asked for", async () => {
  const { fills, asked } = exchangeWith([]);
  const answer = await fills({ sinceMs: NOW - 3 * DAY_MS });
  assert.deepEqual([answer.outcome, answer.fills], ["accepted", []]);
  assert.equal(asked.length, 4);
  assert.ok(
    asked.every((params) => Number(params.get("endTime")) - Number(params.get("startTime")) < DAY_MS),
  );
});

Deno.test("a request that fails half-way brings no half of the fills", async () => {
  const { fills } = exchangeWith(tradesFrom(2_500, () => NOW), 2);
  const answer = await fills({ exchangeOrderId: "1" });
  assert.deepEqual([answer.outcome, answer.reason, answer.fills], [
    "rejected",
    "symbol_not_trading",
    undefined,
  ]);
});

Deno.test("there is an end to how much and how far back is asked", async () => {
  const { fills, asked } = exchangeWith(tradesFrom(MAX_REQUESTS * 1_000, () => NOW));
  const answer = await fills({ exchangeOrderId: "1" });
  assert.deepEqual([answer.outcome, answer.reason, asked.length], [
    "unknown",
    "malformed_answer",
    MAX_REQUESTS,
  ]);
  const old = await fills({ sinceMs: NOW - MAX_DAYS_BACK * DAY_MS - 1 });
  assert.deepEqual([old.outcome, old.reason], ["not_sent", "bad_request"]);
});
