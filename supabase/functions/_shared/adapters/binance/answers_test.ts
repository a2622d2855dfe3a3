import assert from "node:assert/strict";
import {
  readAccount,
  readFills,
  readList,
  readOpenOrders,
  readOrder,
  readPlaced,
  readRefusal,
} from "./answers.ts";

const ORDER = {
  symbol: "ETHBTC",
  orderId: 28,
  orderListId: -1,
  clientOrderId: "a-1",
  transactTime: 1_795_345_744_500,
  price: "0.00000000",
  origQty: "1.23450000",
  executedQty: "1.23450000",
  cummulativeQuoteQty: "0.06172500",
  status: "FILLED",
  timeInForce: "GTC",
  type: "MARKET",
  side: "BUY",
  fills: [{
    price: "0.05000000",
    qty: "1.23450000",
    commission: "0.0012345",
    commissionAsset: "ETH",
    tradeId: 7,
  }],
};
const read = (rest: object = {}) => readOrder({ ...ORDER, ...rest }, "ETHBTC", { clientOrderId: "a-1" });

Deno.test("every status of the exchange is one of ours", () => {
  const ours = [
    "NEW",
    "PENDING_NEW",
    "PARTIALLY_FILLED",
    "FILLED",
    "CANCELED",
    "EXPIRED",
    "EXPIRED_IN_MATCH",
    "REJECTED",
  ]
    .map((status) => read({ status }).status);
  assert.deepEqual(ours, [
    ...["working", "working", "partially_filled", "filled", "cancelled", "expired", "expired", "rejected"],
  ]);
  for (const status of ["new", "", "PENDING_CANCEL", null, 3]) {
    assert.throws(() => read({ status }), /status/);
  }
});

Deno.test("amounts are exact decimals, as text or as numbers that kept every digit", () => {
  for (
    const [given, expected] of [["1.50", "1.50"], [1.5, "1.5"], [3, "3"], [
      "123456789012345.12345678",
      "123456789012345.12345678",
    ]]
  ) {
    assert.equal(read({ origQty: given, executedQty: "1" }).quantity, expected);
  }
  for (
    const given of [
      "1e2",
      "1,5",
      "-1",
      "",
      " 1",
      "NaN",
      "Infinity",
      1e21,
      1e-7,
      0.1 + 0.2,
      123456789012.12345,
      null,
      true,
      [],
      {},
    ]
  ) {
    assert.throws(() => read({ origQty: given }), /origQty/, String(given));
  }
});

Deno.test("ids are whole numbers in any spelling, and others are none", () => {
  assert.equal(read({ orderId: "12345678901234567890" }).exchangeOrderId, "12345678901234567890");
  assert.equal(read({ orderListId: 5 }).listId, "5");
  assert.equal(read({ orderListId: "-1" }).listId, null);
  assert.equal(read({ orderListId: undefined }).listId, null);
  for (const orderId of [1.5, -1, 2 ** 53, "1e3", "", null]) {
    assert.throws(() => read({ orderId }), /orderId/);
  }
});

Deno.test("an answer about another order or symbol is not an answer", () => {
  assert.throws(() => read({ clientOrderId: "a-2" }), /another order/);
  assert.throws(() => read({ symbol: "ETHUSDT" }), /another order/);
});

Deno.test("an answer to a placement that goes the other way is not an answer", () => {
  const placed = (side: "BUY" | "SELL") => readPlaced(ORDER, "ETHBTC", { clientOrderId: "a-1", side });
  assert.equal(placed("BUY").side, "BUY");
  assert.throws(() => placed("SELL"), /other side/);
  const legs = { orderListId: 1, symbol: "ETHBTC", orderReports: [ORDER] };
  assert.throws(() => readList(legs, "ETHBTC", ["a-1"]), /other side/);
});

Deno.test("an answer without a time, or with more executed than ordered, is not as documented", () => {
  assert.throws(() => read({ transactTime: undefined }), /updateTime/);
  assert.throws(() => read({ executedQty: "1.23450001" }), /executedQty/);
});

Deno.test("a time is in milliseconds, as a number or as text", () => {
  for (const transactTime of [1_795_345_744_500, "1795345744500"]) {
    assert.equal(read({ transactTime }).updatedAtMs, 1_795_345_744_500);
  }
  for (const transactTime of [1_795_345_744_500_000, 1_795_345_744, -1, 0, 1.5, "", "soon"]) {
    assert.throws(() => read({ transactTime }), /transactTime/, String(transactTime));
  }
});

Deno.test("the fills of a placement count only when they are all there and no value was rounded", () => {
  assert.equal(read().fills![0]!.value, "0.061725");
  const of = (rest: object) => read(rest).fills;
  assert.equal(of({ executedQty: "1" }), null);
  assert.equal(of({ fills: [] }), null);
  assert.equal(of({ cummulativeQuoteQty: "0.06172501" }), null);
  assert.equal(of({ cummulativeQuoteQty: "-1" }), null);
  assert.equal(of({ fills: undefined }), null);
  // 0.05123 x 1.2345 has nine places, the exchange keeps eight.
  const long = {
    price: "0.05123000",
    qty: "1.23450000",
    commission: "0",
    commissionAsset: "ETH",
    tradeId: 7,
  };
  assert.equal(of({ fills: [long], cummulativeQuoteQty: "0.06324343" }), null);
  // Twice that has eight places again, but the exchange has rounded each.
  const twice = { fills: [long, { ...long, tradeId: 8 }], origQty: "3", executedQty: "2.469" };
  assert.equal(of({ ...twice, cummulativeQuoteQty: "0.12648687" }), null);
  assert.deepEqual(of({ fills: [], executedQty: "0", cummulativeQuoteQty: "0", status: "NEW" }), []);
});

Deno.test("what is new is passed over, in an order and among many", () => {
  assert.equal(read({ pegPriceType: "PRIMARY_PEG", workingTime: -1 }).type, "MARKET");
  assert.equal(read({ type: "SOMETHING_NEW" }).type, "SOMETHING_NEW");
  const updated = { updateTime: "1795345744501", stopPrice: "5.00", icebergQty: "0" };
  const [open] = readOpenOrders([{ ...ORDER, ...updated }]).orders;
  assert.deepEqual([open!.updatedAtMs, open!.triggerPrice], [1_795_345_744_501, "5.00"]);
  assert.throws(() => readOpenOrders({ rows: [] }));
});

Deno.test("fills of another symbol, or without a side, are not read", () => {
  const trade = {
    ...{
      symbol: "ETHBTC",
      id: 7,
      orderId: 28,
      price: "0.05",
      qty: "1",
      quoteQty: "0.05",
      commission: "0.001",
    },
    ...{ commissionAsset: "ETH", time: 1_795_345_744_500, isBuyer: false, isMaker: true },
  };
  assert.deepEqual(readFills([trade], "ETHBTC")[0]!.side, "SELL");
  assert.throws(() => readFills([trade], "BTCUSDT"), /another symbol/);
  assert.throws(() => readFills([{ ...trade, isBuyer: undefined }], "ETHBTC"), /isBuyer/);
});

Deno.test("an account without an id or with an odd balance is not read", () => {
  const account = { uid: 354937868, canTrade: true, balances: [{ asset: "BTC", free: "1", locked: 0.5 }] };
  assert.deepEqual(readAccount(account), {
    uid: "354937868",
    canTrade: true,
    balances: [{ asset: "BTC", free: "1", locked: "0.5" }],
  });
  assert.throws(() => readAccount({ ...account, uid: undefined }), /uid/);
  assert.throws(
    () => readAccount({ ...account, balances: [{ asset: "BTC", free: "1e-8", locked: "0" }] }),
    /free/,
  );
});

Deno.test("only a negative code is an error's", () => {
  assert.deepEqual(readRefusal({ code: -2010, msg: "No." }), { code: -2010, message: "No." });
  assert.deepEqual(readRefusal({ code: "-2010" }), { code: -2010, message: null });
  assert.deepEqual(readRefusal({ code: 0, msg: "Elsewhere." }), { code: null, message: "Elsewhere." });
  for (const json of [undefined, null, "", [], { code: "x" }, "<html>"]) {
    assert.deepEqual(readRefusal(json), { code: null, message: null });
  }
});

Deno.test("an open order of an unknown kind is named, and does not hide the others", () => {
  const strange = { symbol: "ETHBTC", orderId: 9, clientOrderId: "web_9", status: "SOMETHING_NEW" };
  const { orders, unreadOrders } = readOpenOrders([strange, { ...ORDER, updateTime: 1_700_000_000_000 }]);
  assert.deepEqual(orders.map(({ clientOrderId }) => clientOrderId), ["a-1"]);
  assert.deepEqual(unreadOrders, [{ symbol: "ETHBTC", clientOrderId: "web_9", exchangeOrderId: "9" }]);
  assert.throws(() => readOpenOrders([{ symbol: "ETHBTC" }]));
});
