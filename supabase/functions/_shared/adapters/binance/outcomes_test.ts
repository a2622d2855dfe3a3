import assert from "node:assert/strict";
import type { Outcome, Reason, VenueAnswer } from "../../domain/venue.ts";
import type { BinanceVenue } from "./venue.ts";
import {
  answering,
  buy,
  KEY,
  leaveFor,
  pair,
  SYMBOL,
  venueAt,
} from "../../../../../tests/harness/binance_floor.ts";
import { type Action, judge, OUTCOMES, rowFor } from "./outcomes.ts";

type Case = readonly [status: number, code: number | null, text: string, outcome: Outcome, reason: Reason];

const insufficient = "Account has insufficient balance for requested action.";

/** What Binance says to an order that is placed: codes and words of its documentation, long ones cut. */
const PLACEMENTS: readonly Case[] = [
  [429, -1003, "Too much request weight used.", "rejected", "rate_limited"],
  [429, -1015, "Too many new orders.", "rejected", "rate_limited"],
  [429, null, "<html>slow down</html>", "rejected", "rate_limited"],
  [418, -1003, "Way too much request weight used; IP banned until 1767225660000.", "rejected", "banned"],
  [500, -1000, "An unknown error occurred while processing the request.", "unknown", "venue_error"],
  [400, -1000, "An unknown error occurred while processing the request.", "unknown", "venue_error"],
  [500, -1001, "Internal error; unable to process your request.", "unknown", "venue_error"],
  [400, -1001, "Internal error; unable to process your request.", "unknown", "venue_error"],
  [503, -1004, "Server is busy, please wait and try again", "unknown", "venue_error"],
  [400, -1006, "An unexpected response was received from the message bus.", "unknown", "venue_error"],
  [504, -1007, "Timeout waiting for response from backend server.", "unknown", "venue_error"],
  [408, -1007, "Timeout waiting for response from backend server.", "unknown", "venue_error"],
  [503, -1008, "Server is currently overloaded with other requests.", "unknown", "venue_error"],
  [500, -2010, insufficient, "unknown", "venue_error"],
  [502, null, "<html>bad gateway</html>", "unknown", "venue_error"],
  [503, null, "", "unknown", "venue_error"],
  [524, null, "{}", "unknown", "venue_error"],
  [451, null, '{"code":0,"msg":"Restricted location."}', "rejected", "turned_away"],
  [451, -2015, "Invalid API-key, IP, or permissions for action.", "rejected", "not_permitted"],
  [403, null, "<html>forbidden</html>", "rejected", "turned_away"],
  [400, -1002, "You are not authorized to execute this request.", "rejected", "not_permitted"],
  [400, -1003, "Too many requests queued.", "rejected", "rate_limited"],
  [400, -1021, "Timestamp for this request is outside of the recvWindow.", "rejected", "clock_skewed"],
  [400, -1022, "Signature for this request is not valid.", "rejected", "key_refused"],
  [401, -1099, "Not found, authenticated, or authorized.", "rejected", "key_refused"],
  [401, -2008, "Invalid Api-Key ID.", "rejected", "key_refused"],
  [401, -2014, "API-key format invalid.", "rejected", "key_refused"],
  [401, -2015, "Invalid API-key, IP, or permissions for action.", "rejected", "key_refused"],
  [400, -1121, "Invalid symbol.", "rejected", "symbol_not_trading"],
  [400, -2010, insufficient, "rejected", "insufficient_funds"],
  [400, -1010, insufficient, "rejected", "insufficient_funds"],
  [400, -1010, "Something new.", "unknown", "venue_error"],
  [400, -2010, "Order would trigger immediately.", "rejected", "would_trigger_at_once"],
  [400, -2010, "Stop price would trigger immediately.", "rejected", "would_trigger_at_once"],
  [400, -2010, "Order would immediately match and take.", "rejected", "would_trigger_at_once"],
  [
    400,
    -2010,
    "The relationship of the prices for the orders is not correct.",
    "rejected",
    "would_trigger_at_once",
  ],
  [400, -2010, "Duplicate order sent.", "rejected", "duplicate_order"],
  [400, -2010, "Filter failure: MAX_NUM_ALGO_ORDERS", "rejected", "too_many_orders"],
  [400, -1013, "Filter failure: MAX_NUM_ORDERS", "rejected", "too_many_orders"],
  [400, -2010, "Filter failure: EXCHANGE_MAX_NUM_ORDERS", "rejected", "too_many_orders"],
  [400, -2010, "Filter failure: MAX_POSITION", "rejected", "filter_failed"],
  [400, -1013, "Filter failure: PRICE_FILTER", "rejected", "filter_failed"],
  [400, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE", "rejected", "filter_failed"],
  [400, -1013, "Filter failure: LOT_SIZE", "rejected", "filter_failed"],
  [400, -1013, "Filter failure: MARKET_LOT_SIZE", "rejected", "filter_failed"],
  [400, -1013, "Filter failure: NOTIONAL", "rejected", "filter_failed"],
  [400, -1013, "Invalid quantity.", "rejected", "filter_failed"],
  [400, -1111, "Parameter 'quantity' has too much precision.", "rejected", "filter_failed"],
  [400, -1013, "Market is closed.", "rejected", "symbol_not_trading"],
  [400, -2010, "Market is closed.", "rejected", "symbol_not_trading"],
  [400, -2010, "This order type is not possible in this trading phase.", "rejected", "symbol_not_trading"],
  [400, -2010, "Limit orders require GTC for this phase.", "rejected", "symbol_not_trading"],
  [400, -2010, "This symbol is not permitted for this account.", "rejected", "not_permitted"],
  [400, -2010, "This symbol is restricted for this account.", "rejected", "not_permitted"],
  [400, -2010, "This account may not place or cancel orders.", "rejected", "not_permitted"],
  [400, -2010, "This action is disabled on this account.", "rejected", "not_permitted"],
  [400, -2010, "Rest API trading is not enabled.", "rejected", "not_permitted"],
  [400, -2010, "Stop loss orders are not supported for this symbol.", "rejected", "refused"],
  [
    400,
    -1013,
    "This symbol does not allow the specified self-trade prevention mode.",
    "rejected",
    "bad_request",
  ],
  [400, -1016, "This service is no longer available.", "rejected", "refused"],
  [400, -1112, "No orders on book for symbol.", "rejected", "refused"],
  [400, -1100, "Illegal characters found in parameter 'newClientOrderId'.", "rejected", "bad_request"],
  [400, -1102, "Mandatory parameter 'price' was not sent.", "rejected", "bad_request"],
  [400, -1106, "Parameter 'timeInForce' sent when not required.", "rejected", "bad_request"],
  [400, -1165, "Invalid list composition.", "rejected", "bad_request"],
  // What nobody has written down.
  [400, -1999, "Something new.", "unknown", "venue_error"],
  [404, null, "<html>not found</html>", "unknown", "venue_error"],
  [401, null, "", "unknown", "venue_error"],
  [302, null, "", "unknown", "venue_error"],
  // Words of other calls mean nothing here.
  [400, -2011, "Unknown order sent.", "unknown", "venue_error"],
  [400, -2013, "Order does not exist.", "unknown", "venue_error"],
  [400, -2021, "Order cancel-replace partially failed.", "unknown", "venue_error"],
  [200, -2010, insufficient, "unknown", "malformed_answer"],
  [200, null, "<html>fine</html>", "unknown", "malformed_answer"],
  [200, null, "", "unknown", "malformed_answer"],
  [200, null, "[]", "unknown", "malformed_answer"],
  [200, null, "{}", "unknown", "malformed_answer"],
  [200, null, "null", "unknown", "malformed_answer"],
];

const CANCELS: readonly Case[] = [
  [400, -2011, "Unknown order sent.", "rejected", "order_not_found"],
  // The readers' word, not the matching engine's.
  [400, -2013, "Order does not exist.", "unknown", "venue_error"],
  [400, -2011, "Order was not canceled due to cancel restrictions.", "rejected", "refused"],
  [400, -2011, "This account may not place or cancel orders.", "rejected", "not_permitted"],
  [504, -1007, "Timeout waiting for response from backend server.", "unknown", "venue_error"],
  [400, -1021, "Timestamp for this request is outside of the recvWindow.", "rejected", "clock_skewed"],
];

const LOOKUPS: readonly Case[] = [
  [400, -2013, "Order does not exist.", "rejected", "order_not_found"],
  [400, -2026, "Order was canceled over 90 days ago.", "rejected", "order_not_found"],
  [401, -2015, "Invalid API-key, IP, or permissions for action.", "rejected", "key_refused"],
  [503, null, "", "unknown", "venue_error"],
];

type Ask = (venue: BinanceVenue) => Promise<VenueAnswer>;
const place: Ask = (venue) => venue.submit(SYMBOL, buy("a-1"), leaveFor());
const cancel: Ask = (venue) => venue.cancel(SYMBOL, "a-1", leaveFor());
const lookup: Ask = (venue) => venue.lookup(SYMBOL, { clientOrderId: "a-1" }, leaveFor());

/** What a mirror on the way would add: everything of the request that must never be kept. */
const ECHO = ` ${KEY.apiKey} ${KEY.secret} signature=0123abcdef {"signature": "0123abcdef"}`;

async function assertCase([status, code, text, outcome, reason]: Case, ask: Ask): Promise<void> {
  const body = code === null ? text : JSON.stringify({ code, msg: text + ECHO });
  await using server = answering(status, [301, 302].includes(status) ? "" : body);
  const answer = await ask(venueAt(server.url, server.outside));
  assert.deepEqual([answer.outcome, answer.reason, answer.code], [outcome, reason, code]);
  assertNoSecret(answer);
}

function assertNoSecret(answer: VenueAnswer): void {
  const text = JSON.stringify(answer);
  for (const secret of [KEY.apiKey, KEY.secret, "0123abcdef"]) assert.ok(!text.includes(secret), text);
}

for (
  const [name, action, cases, ask] of [
    ["placement", "submit", PLACEMENTS, place],
    ["cancel", "cancel", CANCELS, cancel],
    ["lookup", "lookup", LOOKUPS, lookup],
  ] as const
) {
  Deno.test(`every refusal of a ${name} means what it is listed for, over the wire, without a secret`, async (t) => {
    for (const each of cases) {
      const [status, code, text, outcome, reason] = each;
      const title = `${action}: ${status} ${code ?? ""} ${text.slice(0, 60)} is ${outcome} ${reason}`;
      await t.step(title, () => assertCase(each, ask));
    }
  });
}

Deno.test("every row of the table decides one of the cases", () => {
  const decisive = ([action, cases]: readonly [Action, readonly Case[]]) =>
    cases.map(([status, code, message]) => rowFor({ status, code, message }, action));
  const used = new Set(
    ([["submit", PLACEMENTS], ["cancel", CANCELS], ["lookup", LOOKUPS]] as const).flatMap(decisive),
  );
  for (const row of OUTCOMES) assert.ok(used.has(row), `no case for ${JSON.stringify(row)} ${row.text}`);
});

Deno.test("nothing but a documented refusal of a call that changes something is taken for one", () => {
  const statuses = [
    ...[200, 204, 301, 400, 401, 403, 404, 409, 413, 418],
    ...[429, 451, 500, 502, 503, 504, 520, 524, 599],
  ];
  const listed = new Set(OUTCOMES.flatMap(({ codes }) => codes ?? []));
  for (const status of statuses) {
    for (let code = -3000; code <= -900; code++) {
      const { outcome } = judge({ status, code, message: "" }, "submit");
      const isByStatus = [418, 429, 451].includes(status);
      if (outcome === "rejected") {
        assert.ok(isByStatus || (status >= 400 && status < 500 && listed.has(code)));
      }
    }
  }
});

Deno.test("a refusal says for how long to be silent: by its header, else by its words, else a minute", async () => {
  const until = "Way too much request weight used; IP banned until 1767225690000.";
  for (
    const [status, header, text, expected] of [
      [429, "7", "Too many", 7_000],
      [429, "soon", "Too many", 60_000],
      [418, "120", until, 120_000],
      [418, null, until, 90_000],
      [418, null, "banned until 9999999999999", 3 * 24 * 60 * 60_000],
      [400, "7", "Too many", null],
    ] as const
  ) {
    const headers: Record<string, string> = header === null ? {} : { "retry-after": header };
    await using server = answering(status, JSON.stringify({ code: -1003, msg: text }), headers);
    const answer = await place(venueAt(server.url, server.outside));
    assert.equal(answer.facts.retryAfterMs, expected);
  }
});

Deno.test("weight and order count come from the headers, or are not known", async () => {
  const headers = { "x-mbx-used-weight-1m": "41", "x-mbx-order-count-10s": "3" };
  for (
    const [sent, expected] of [[headers, [41, 3]], [{ "x-mbx-used-weight-1m": "-" }, [null, null]]] as const
  ) {
    await using server = answering(400, '{"code":-2010,"msg":"x"}', sent);
    const { facts } = await place(venueAt(server.url, server.outside));
    assert.deepEqual([facts.usedWeight, facts.orderCount10s], expected);
    assert.equal(facts.body, '{"code":-2010,"msg":"x"}');
  }
});

Deno.test("a key that cannot sign is refused here, and nothing of it is said", async () => {
  await using server = answering(200, "{}");
  const venue = venueAt(server.url, server.outside);
  const broken = { apiKey: KEY.apiKey, secret: `-----BEGIN PRIVATE KEY-----\n${"x".repeat(120)}` };
  for (const key of [{ apiKey: "", secret: "" }, broken]) {
    for (
      const answer of [
        await venue.submit(SYMBOL, buy("a-1"), leaveFor(key)),
        await venue.submitPair(SYMBOL, pair(), leaveFor(key)),
      ]
    ) {
      assert.deepEqual([answer.outcome, answer.reason], ["not_sent", "key_refused"]);
      assert.ok(!JSON.stringify(answer).includes("xxxx"));
    }
  }
  assert.deepEqual(server.paths, []);
});
