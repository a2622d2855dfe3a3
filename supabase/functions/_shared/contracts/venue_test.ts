import assert from "node:assert/strict";
import { type Fill, NO_FACTS, type OrderReport, type VenueAnswer } from "../domain/venue.ts";
import { answerRow, openedKey, venueCall } from "./venue.ts";

const CALL = {
  id: 7,
  environment: "testnet",
  symbol: "BTCUSDT",
  timestamp_ms: 1_795_345_744_500,
  recv_window_ms: 1_000,
};
const ORDER = {
  client_order_id: "e1",
  side: "BUY",
  type: "LIMIT",
  time_in_force: "IOC",
  quantity: "0.00165",
  price: "60310.05",
  trigger_price: null,
};
const STOP = { client_order_id: "s1", trigger_price: "58000", price: null };

const parsed = (action: string, request: object) => venueCall.safeParse({ ...CALL, action, request });

Deno.test("a call names its exchange, its window and what is asked", () => {
  const call = venueCall.parse({ ...CALL, action: "submit", request: ORDER });
  assert.deepEqual(call, {
    id: 7,
    environment: "testnet",
    symbol: "BTCUSDT",
    window: { timestampMs: 1_795_345_744_500, recvWindowMs: 1_000 },
    asked: {
      action: "submit",
      request: {
        clientOrderId: "e1",
        side: "BUY",
        type: "LIMIT",
        timeInForce: "IOC",
        quantity: "0.00165",
        price: "60310.05",
        triggerPrice: null,
      },
    },
  });
});

Deno.test("each action's request is read under our names", () => {
  const target = { client_order_id: "t1", price: "63000" };
  const pair = { list_client_order_id: "l1", quantity: "0.00164", target, stop: STOP };
  const cases: readonly [action: string, request: object, read: unknown][] = [
    ["submit_pair", pair, {
      listClientOrderId: "l1",
      quantity: "0.00164",
      target: { clientOrderId: "t1", price: "63000" },
      stop: { clientOrderId: "s1", triggerPrice: "58000", price: null },
    }],
    ["cancel", { client_order_id: "s1" }, "s1"],
    ["lookup", { client_order_id: "s1" }, { clientOrderId: "s1" }],
    ["lookup", { exchange_order_id: "9" }, { exchangeOrderId: "9" }],
    ["fills", { exchange_order_id: "9" }, { exchangeOrderId: "9" }],
    ["fills", { since_ms: 5 }, { sinceMs: 5 }],
    ["open_orders", {}, {}],
    ["balances", {}, {}],
    ["server_time", {}, {}],
  ];
  for (const [action, request, read] of cases) {
    assert.deepEqual(parsed(action, request).data?.asked, { action, request: read });
  }
  const replaced = parsed("replace", { cancel_client_order_id: "s1", order: ORDER }).data?.asked;
  assert.deepEqual(replaced?.action === "replace" && replaced.request.cancelClientOrderId, "s1");
  const checked = parsed("check_order", ORDER).data?.asked;
  assert.deepEqual(checked?.action === "check_order" && checked.request.clientOrderId, "e1");
});

Deno.test("money as a number, a missing field and an unknown word are no call", () => {
  for (
    const request of [
      { ...ORDER, quantity: 0.00165 },
      { ...ORDER, price: "6e4" },
      { ...ORDER, price: "-1" },
      { ...ORDER, side: "HOLD" },
      { ...ORDER, type: "TRAILING" },
      { ...ORDER, client_order_id: undefined },
      { ...ORDER, trigger_price: undefined },
    ]
  ) {
    assert.equal(parsed("submit", request).success, false, JSON.stringify(request));
  }
  assert.equal(parsed("withdraw", {}).success, false);
  assert.equal(venueCall.safeParse({ ...CALL, action: "balances", request: {}, id: "7" }).success, false);
});

Deno.test("a key comes with what is left of its call's window", () => {
  const row = { api_key: "a", secret: "s", send_within_ms: 950 };
  assert.deepEqual(openedKey.parse(row), { key: { apiKey: "a", secret: "s" }, sendWithinMs: 950 });
  for (
    const wrong of [{ ...row, secret: "" }, { ...row, send_within_ms: null }, { api_key: "a", secret: "s" }]
  ) {
    assert.equal(openedKey.safeParse(wrong).success, false);
  }
});

const FILL: Fill = {
  tradeId: "7",
  exchangeOrderId: "28",
  price: "60010",
  quantity: "0.00165",
  value: "99.0165",
  fee: "0.00000165",
  feeAsset: "BTC",
  isMaker: false,
  side: "BUY",
  executedAtMs: 1_795_345_744_500,
};
const REPORT: OrderReport = {
  symbol: "BTCUSDT",
  clientOrderId: "e1",
  exchangeOrderId: "28",
  listId: null,
  side: "BUY",
  type: "LIMIT",
  status: "filled",
  quantity: "0.002",
  executedQuantity: "0.00165",
  price: "60310.05",
  triggerPrice: null,
  expiryReason: null,
  updatedAtMs: 1_795_345_744_500,
  fills: [FILL],
};
const REPORT_ROW = {
  symbol: "BTCUSDT",
  client_order_id: "e1",
  exchange_order_id: "28",
  list_id: null,
  side: "BUY",
  type: "LIMIT",
  status: "filled",
  quantity: "0.002",
  executed_quantity: "0.00165",
  price: "60310.05",
  trigger_price: null,
  expiry_reason: null,
  updated_at_ms: 1_795_345_744_500,
};
const FILL_ROW = {
  trade_id: "7",
  exchange_order_id: "28",
  price: "60010",
  quantity: "0.00165",
  value: "99.0165",
  fee: "0.00000165",
  fee_asset: "BTC",
  is_maker: false,
  side: "BUY",
  executed_at: "2026-11-22T11:09:04.500Z",
};
const FACTS_ROW = {
  requests: 0,
  http_status: null,
  used_weight: null,
  order_count_10s: null,
  retry_after_ms: null,
  sent_at_ms: null,
  elapsed_ms: 0,
  body: null,
};

Deno.test("an answer is told whole, and leaves out what it does not have", () => {
  const plain = { outcome: "accepted", reason: null, code: null, message: null } as const;
  assert.deepEqual(answerRow({ ...plain, facts: NO_FACTS }), { ...plain, ...FACTS_ROW });
  const unread = { symbol: "BTCUSDT", clientOrderId: "web_1", exchangeOrderId: "9" };
  const balance = { asset: "BTC", free: "1", locked: "0.5" };
  const answer: VenueAnswer = {
    ...plain,
    order: REPORT,
    orders: [{ ...REPORT, fills: null }],
    cancelled: REPORT,
    unreadOrders: [unread],
    fills: [FILL],
    balances: [balance],
    account: { uid: "1", canTrade: true },
    serverTimeMs: 0,
    facts: { ...NO_FACTS, requests: 3, usedWeight: 41, orderCount10s: 2, httpStatus: 200 },
  };
  const report = { ...REPORT_ROW, fills: [FILL_ROW] };
  assert.deepEqual(answerRow(answer), {
    ...plain,
    order: report,
    orders: [REPORT_ROW],
    cancelled: report,
    unread_orders: [{ symbol: "BTCUSDT", client_order_id: "web_1", exchange_order_id: "9" }],
    fills: [FILL_ROW],
    balances: [balance],
    account: { uid: "1", can_trade: true },
    server_time_ms: 0,
    ...FACTS_ROW,
    ...{ requests: 3, used_weight: 41, order_count_10s: 2, http_status: 200 },
  });
});
