import assert from "node:assert/strict";
import { fixed } from "../core/fixed.ts";
import { type Client, Desk, SYMBOL } from "../testing.ts";
import { forgetOldest, ORDERS_KEPT } from "./history.ts";
import type { OrderDraft } from "./model.ts";
import { placeOrder } from "./placing.ts";

const OCO = {
  ...{ symbol: SYMBOL, side: "SELL", quantity: "0.1" },
  ...{ aboveType: "LIMIT_MAKER", abovePrice: "62000", belowType: "STOP_LOSS", belowStopPrice: "58000" },
};

/** So many orders, each over at once: every hundredth buys, the others find no seller at their price. */
function trade(desk: Desk, count: number): void {
  const { state } = desk.simulator;
  for (let at = 0; at < count; at++) {
    const draft: OrderDraft = {
      ...{ symbol: SYMBOL, side: "BUY", type: "LIMIT", timeInForce: "IOC", stpMode: "NONE" },
      ...{
        quantity: fixed("0.0001"),
        quoteQuantity: 0n,
        stopPrice: 0n,
        clientOrderId: `order-${at % 1_000}`,
      },
      price: fixed(at % 100 === 0 ? "60001" : "60000"),
    };
    placeOrder(state, "a", draft, desk.clock.now());
  }
}

function lists(client: Client): number[] {
  return client.ok("GET", "/api/v3/allOrderList").map(({ orderListId }: { orderListId: number }) =>
    orderListId
  );
}

Deno.test("of a symbol's orders the newest are remembered, and those that are open, and lists whole", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "1000000", BTC: "1" });
  const done = client.ok("POST", "/api/v3/orderList/oco", OCO);
  client.ok("DELETE", "/api/v3/orderList", { symbol: SYMBOL, orderListId: done.orderListId });
  const open = client.ok("POST", "/api/v3/orderList/oco", OCO);
  const late = client.order({
    side: "BUY",
    type: "LIMIT",
    timeInForce: "GTC",
    quantity: "0.01",
    price: "50000",
  });
  desk.simulator.state.readLag = { probability: 1, ms: 1 };
  const old = client.order({ side: "BUY", type: "MARKET", quantity: "0.1" });
  desk.simulator.state.readLag = { probability: 0, ms: 0 };
  trade(desk, ORDERS_KEPT * 1.25);
  desk.clock.advance(10_000);
  const market = desk.simulator.state.markets.get(SYMBOL)!;
  assert.ok(
    market.orders.size >= ORDERS_KEPT && market.orders.size <= ORDERS_KEPT * 1.1,
    `${market.orders.size}`,
  );
  assert.deepEqual(lists(client), [open.orderListId]);
  const named = (orderId: number) => client.send("GET", "/api/v3/order", { symbol: SYMBOL, orderId }).body;
  assert.equal(named(late.orderId).status, "NEW");
  assert.equal(named(old.orderId).code, -2013);
  assert.equal(named(done.orders[0].orderId).code, -2013);
  const known = [...market.orders.keys()];
  assert.ok(market.executions.every(({ orderId }) => market.orders.has(orderId)));
  assert.equal(market.executions.length, known.filter((id) => market.orders.get(id)!.executed > 0n).length);
  assert.equal(client.ok("GET", "/api/v3/openOrders", { symbol: SYMBOL }).length, 3);
  client.ok("GET", "/api/v3/rateLimit/order");
  client.ok("DELETE", "/api/v3/openOrders", { symbol: SYMBOL });
  assert.equal(client.balance("BTC").split("/")[1], "0");
  desk.assertNothingLeaked();
});

Deno.test("what others have traded is remembered to a point, and a saved state is smaller still", () => {
  const desk = new Desk();
  for (let at = 0; at < 12_000; at++) {
    desk.clock.advance(1_000);
    desk.trade("60000", "0.001");
  }
  const market = desk.simulator.state.markets.get(SYMBOL)!;
  assert.ok(market.trades.length <= 10_000, `${market.trades.length} trades`);
  assert.equal(market.seconds.length, 3_600);
  const text = desk.simulator.save();
  assert.ok(text.length < 500_000, `${text.length} characters`);
  assert.equal(market.seconds.length, 3_600, "saving forgets nothing");
});

Deno.test("candles of a second are forgotten by their age, however few there are", () => {
  const desk = new Desk();
  const startedAt = desk.clock.now();
  for (let at = 0; at < 800; at++) {
    desk.clock.advance(5_000);
    desk.trade("60000", "0.001");
  }
  const { seconds, candles } = desk.simulator.state.markets.get(SYMBOL)!;
  assert.equal(seconds.length, 720);
  assert.ok(candles[0]!.openTime <= startedAt + 60_000, "those of a minute stay for a week");
});

Deno.test("who wants less remembered says how many orders", () => {
  const desk = new Desk();
  const client = desk.client("a", { USDT: "1000000", BTC: "1" });
  const open = client.ok("POST", "/api/v3/orderList/oco", OCO);
  trade(desk, 200);
  const { state } = desk.simulator;
  const market = state.markets.get(SYMBOL)!;
  forgetOldest(state, market, 190);
  assert.equal(market.orders.size, 202, "not for a few");
  forgetOldest(state, market, 20);
  assert.equal(market.orders.size, 20);
  assert.ok(open.orders.every(({ orderId }: { orderId: number }) => market.orders.has(orderId)));
  assert.equal(market.executions.length, 0);
  desk.assertNothingLeaked();
});
