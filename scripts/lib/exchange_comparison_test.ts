import assert from "node:assert/strict";
import type { RestOrder, RestTrade } from "./binance_rest.ts";
import { compareFills, compareOrders, type OrderRow, type TradeRow } from "./exchange_comparison.ts";

const ROW: OrderRow = {
  id: "1",
  client_order_id: "a-1",
  binance_order_id: "7",
  symbol: "BTCUSDT",
  side: "BUY",
  state: "filled",
  quantity: "0.01000",
  filled_quantity: "0.01",
};
const ORDER: RestOrder = {
  symbol: "BTCUSDT",
  orderId: 7,
  clientOrderId: "a-1",
  status: "FILLED",
  side: "BUY",
  type: "LIMIT",
  origQty: "0.01000000",
  executedQty: "0.01000000",
  time: 0,
};
const FILL_ROW: TradeRow = {
  symbol: "BTCUSDT",
  binance_trade_id: "3",
  binance_order_id: "7",
  side: "BUY",
  price: "60000",
  quantity: "0.01",
  fee: "0.00001",
  fee_asset: "BTC",
};
const FILL: RestTrade = {
  symbol: "BTCUSDT",
  id: 3,
  orderId: 7,
  price: "60000.00000000",
  qty: "0.01000000",
  commission: "0.00001000",
  commissionAsset: "BTC",
  isBuyer: true,
  time: 0,
};

function ordersDiffer(ours: OrderRow[], theirs: RestOrder[]): string[] {
  const differences: string[] = [];
  compareOrders(ours, theirs, differences);
  return differences;
}

function fillsDiffer(ours: TradeRow[], theirs: RestTrade[]): string[] {
  const differences: string[] = [];
  compareFills(ours, theirs, differences);
  return differences;
}

Deno.test("orders and fills that agree differ in nothing, however their zeros are written", () => {
  assert.deepEqual(ordersDiffer([ROW], [ORDER]), []);
  assert.deepEqual(fillsDiffer([FILL_ROW], [FILL]), []);
});

Deno.test("an order or a fill that only one side has is a difference, but one that never left is none", () => {
  assert.equal(ordersDiffer([], [ORDER]).length, 1);
  assert.equal(ordersDiffer([ROW], []).length, 1);
  assert.equal(ordersDiffer([{ ...ROW, state: "unknown" }], []).length, 1);
  assert.deepEqual(ordersDiffer([{ ...ROW, state: "not_placed" }], []), []);
  assert.equal(fillsDiffer([], [FILL]).length, 1);
  assert.equal(fillsDiffer([FILL_ROW], []).length, 1);
});

Deno.test("each field of an order that is not the exchange's is a difference", () => {
  const wrong: Partial<OrderRow>[] = [
    { binance_order_id: "8" },
    { side: "SELL" },
    { state: "cancelled" },
    { quantity: "0.02" },
    { filled_quantity: "0.009" },
  ];
  for (const change of wrong) assert.equal(ordersDiffer([{ ...ROW, ...change }], [ORDER]).length, 1);
});

Deno.test("each field of a fill that is not the exchange's is a difference", () => {
  const wrong: Partial<TradeRow>[] = [
    { side: "SELL" },
    { price: "60000.01" },
    { quantity: "0.011" },
    { fee: "0.00002" },
    { fee_asset: "BNB" },
  ];
  for (const change of wrong) assert.equal(fillsDiffer([{ ...FILL_ROW, ...change }], [FILL]).length, 1);
  // Another order's fill is another fill: missing on both sides.
  assert.equal(fillsDiffer([{ ...FILL_ROW, binance_order_id: "8" }], [FILL]).length, 2);
});
