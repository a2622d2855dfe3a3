import assert from "node:assert/strict";
import { fixed } from "../core/fixed.ts";
import { Desk } from "../testing.ts";
import type { Filter } from "./model.ts";

const BUY = { side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" } as const;
const SELL_STOP = { side: "SELL", type: "STOP_LOSS", quantity: "0.001", stopPrice: "50000" } as const;

function rich() {
  const desk = new Desk();
  return { desk, client: desk.client("a", { USDT: "100000000", BTC: "1000" }) };
}

function setFilter(desk: Desk, filter: Filter): void {
  const { rules } = desk.simulator.state.markets.get("BTCUSDT")!;
  rules.filters = [...rules.filters.filter(({ filterType }) => filterType !== filter.filterType), filter];
}

for (
  const [what, order, refusal] of [
    ["a price off the tick", { ...BUY, price: "50000.001" }, "-1013: Filter failure: PRICE_FILTER"],
    ["a price that is too high", { ...BUY, price: "1000000.01" }, "-1013: Filter failure: PRICE_FILTER"],
    [
      "a stop price off the tick",
      { ...SELL_STOP, stopPrice: "50000.005" },
      "-1013: Filter failure: PRICE_FILTER",
    ],
    ["a quantity off the step", { ...BUY, quantity: "0.010001" }, "-1013: Filter failure: LOT_SIZE"],
    ["a quantity below the least", { ...BUY, quantity: "0.000001" }, "-1013: Filter failure: LOT_SIZE"],
    [
      "a quantity above the most",
      { ...BUY, quantity: "9001", price: "12000" },
      "-1013: Filter failure: LOT_SIZE",
    ],
    [
      "a market order above its own most",
      { side: "BUY", type: "MARKET", quantity: "83.15" },
      "-1013: Filter failure: MARKET_LOT_SIZE",
    ],
    ["an order of too little value", { ...BUY, quantity: "0.00009" }, "-1013: Filter failure: NOTIONAL"],
    [
      "a market order of too little value, by the average price",
      { side: "BUY", type: "MARKET", quantity: "0.00008" },
      "-1013: Filter failure: NOTIONAL",
    ],
    [
      "an order by too little value",
      { side: "BUY", type: "MARKET", quoteOrderQty: "4.99" },
      "-1013: Filter failure: NOTIONAL",
    ],
    [
      "an order of too much value",
      { ...BUY, quantity: "200", price: "50000" },
      "-1013: Filter failure: NOTIONAL",
    ],
    [
      "a stop order of too little value at its stop price",
      { ...SELL_STOP, quantity: "0.00009" },
      "-1013: Filter failure: NOTIONAL",
    ],
    [
      "a stop order of too little value at the lower of its prices",
      { ...SELL_STOP, type: "STOP_LOSS_LIMIT", timeInForce: "GTC", quantity: "0.00011", price: "40000" },
      "-1013: Filter failure: NOTIONAL",
    ],
    [
      "a price far below the market",
      { ...BUY, price: "11999" },
      "-1013: Filter failure: PERCENT_PRICE_BY_SIDE",
    ],
    [
      "a price far above the market",
      { ...BUY, side: "SELL", price: "300001" },
      "-1013: Filter failure: PERCENT_PRICE_BY_SIDE",
    ],
  ] as const
) {
  Deno.test(`a filter refuses ${what}`, () => {
    const { client } = rich();
    assert.equal(client.refusedOrder(order), refusal);
    assert.equal(client.balance("USDT"), "100000000/0");
  });
}

Deno.test("a step or bound of zero is switched off", () => {
  const { desk, client } = rich();
  setFilter(desk, { filterType: "MARKET_LOT_SIZE", minQty: 0n, maxQty: 0n, stepSize: 0n });
  desk.book([["59999", "500"]], [["60001", "500"]]);
  assert.equal(client.order({ side: "BUY", type: "MARKET", quantity: "100" }).status, "FILLED");
});

Deno.test("MAX_NUM_ALGO_ORDERS counts orders that wait for a trigger, and cancelling makes room", () => {
  const { client } = rich();
  const ids = [1, 2, 3, 4, 5].map(() => client.order(SELL_STOP).orderId);
  assert.equal(client.refusedOrder(SELL_STOP), "-2010: Filter failure: MAX_NUM_ALGO_ORDERS");
  client.ok("DELETE", "/api/v3/order", { symbol: "BTCUSDT", orderId: ids[0]! });
  client.order(SELL_STOP);
});

Deno.test("MAX_NUM_ORDERS counts every open order of the symbol, a pair as two", () => {
  const { desk, client } = rich();
  setFilter(desk, { filterType: "MAX_NUM_ORDERS", maxNumOrders: 3 });
  client.order(BUY);
  client.order(BUY);
  const oco = {
    symbol: "BTCUSDT",
    side: "SELL",
    quantity: "0.5",
    aboveType: "LIMIT_MAKER",
    abovePrice: "62000",
    belowType: "STOP_LOSS",
    belowStopPrice: "58000",
  };
  assert.equal(client.refused("POST", "/api/v3/orderList/oco", oco), "-2010: Filter failure: MAX_NUM_ORDERS");
  client.order(BUY);
  assert.equal(client.refusedOrder(BUY), "-2010: Filter failure: MAX_NUM_ORDERS");
});

Deno.test("MAX_NUM_ORDER_LISTS counts open lists", () => {
  const { desk, client } = rich();
  setFilter(desk, { filterType: "MAX_NUM_ORDER_LISTS", maxNumOrderLists: 1 });
  const oco = {
    symbol: "BTCUSDT",
    side: "SELL",
    quantity: "0.5",
    aboveType: "TAKE_PROFIT_LIMIT",
    aboveStopPrice: "61900",
    abovePrice: "62000",
    aboveTimeInForce: "GTC",
    belowType: "STOP_LOSS",
    belowStopPrice: "58000",
  };
  client.ok("POST", "/api/v3/orderList/oco", oco);
  assert.equal(
    client.refused("POST", "/api/v3/orderList/oco", oco),
    "-2010: Filter failure: MAX_NUM_ORDER_LISTS",
  );
});

Deno.test("MAX_POSITION counts what the account has and what it has ordered", () => {
  const { desk, client } = rich();
  setFilter(desk, { filterType: "MAX_POSITION", maxPosition: fixed("1000.015") });
  client.order(BUY);
  assert.equal(client.refusedOrder(BUY), "-2010: Filter failure: MAX_POSITION");
  client.order({ ...BUY, quantity: "0.005" });
});

Deno.test("exchange-wide counts and the cap on an asset bind as well", () => {
  const { desk, client } = rich();
  desk.simulator.state.assetCaps.set("BTC", fixed("0.5"));
  assert.equal(client.refusedOrder({ ...BUY, quantity: "0.6" }), "-2010: Filter failure: MAX_ASSET");
  desk.simulator.state.exchangeFilters.push({ filterType: "EXCHANGE_MAX_NUM_ORDERS", maxNumOrders: 1 });
  client.order(BUY);
  assert.equal(client.refusedOrder(BUY), "-2010: Filter failure: EXCHANGE_MAX_NUM_ORDERS");
  const filters = client.ok("GET", "/api/v3/myFilters", { symbol: "BTCUSDT" });
  assert.deepEqual(filters.assetFilters, [{ filterType: "MAX_ASSET", asset: "BTC", limit: "0.50000000" }]);
});

Deno.test("a symbol that is halted takes no order and lets orders be cancelled", () => {
  const { desk, client } = rich();
  const { orderId } = client.order(BUY);
  desk.simulator.state.markets.get("BTCUSDT")!.rules.status = "HALT";
  assert.equal(client.refusedOrder(BUY), "-1013: Market is closed.");
  client.ok("DELETE", "/api/v3/order", { symbol: "BTCUSDT", orderId });
});

const PERCENT = { multiplierDown: fixed("0.9"), multiplierUp: fixed("1.1"), avgPriceMins: 5 };
const LEAST = { minNotional: fixed("600"), avgPriceMins: 0 };
const WORTH = { ...LEAST, maxNotional: fixed("900") };
const AT_MARKET = { side: "BUY", type: "MARKET" } as const;
const ASKED = { side: "SELL", type: "LIMIT", timeInForce: "GTC", quantity: "0.01" } as const;

for (
  const [filter, passes, fails] of [
    [{ filterType: "PERCENT_PRICE", ...PERCENT }, { ...BUY, price: "54000" }, { ...BUY, price: "53999.99" }],
    [{ filterType: "PERCENT_PRICE", ...PERCENT }, { ...ASKED, price: "66000" }, {
      ...ASKED,
      price: "66000.01",
    }],
    [
      {
        ...{ filterType: "PERCENT_PRICE_BY_SIDE", avgPriceMins: 5 },
        ...{ bidMultiplierDown: fixed("0.9"), bidMultiplierUp: fixed("1.1") },
        ...{ askMultiplierDown: fixed("0.5"), askMultiplierUp: fixed("1.2") },
      },
      { ...ASKED, price: "72000" },
      { ...BUY, price: "53999.99" },
    ],
    [
      { filterType: "MIN_NOTIONAL", ...LEAST, applyToMarket: true },
      { ...AT_MARKET, quantity: "0.01" },
      { ...AT_MARKET, quantity: "0.00999" },
    ],
    [
      { filterType: "MIN_NOTIONAL", ...LEAST, applyToMarket: false },
      { ...AT_MARKET, quantity: "0.00999" },
      { ...BUY, quantity: "0.01199" },
    ],
    [
      { filterType: "NOTIONAL", ...WORTH, applyMinToMarket: true, applyMaxToMarket: true },
      { ...AT_MARKET, quantity: "0.015" },
      { ...AT_MARKET, quantity: "0.01501" },
    ],
    [
      { filterType: "NOTIONAL", ...WORTH, applyMinToMarket: false, applyMaxToMarket: false },
      { ...AT_MARKET, quantity: "0.001" },
      { ...BUY, quantity: "0.01801" },
    ],
    [
      { filterType: "MARKET_LOT_SIZE", minQty: fixed("0.1"), maxQty: fixed("1"), stepSize: fixed("0.1") },
      { ...AT_MARKET, quantity: "0.2" },
      { ...AT_MARKET, quantity: "0.25" },
    ],
  ] as const
) {
  Deno.test(`${filter.filterType} lets ${JSON.stringify(passes)} pass and refuses ${JSON.stringify(fails)}`, () => {
    const { desk, client } = rich();
    setFilter(desk, filter);
    client.order(passes);
    assert.equal(client.refusedOrder(fails), `-1013: Filter failure: ${filter.filterType}`);
  });
}

Deno.test("what stops of all symbols count, and what an order may be worth, bind the account as a whole", () => {
  const { desk, client } = rich();
  const { state } = desk.simulator;
  state.exchangeFilters.push({ filterType: "EXCHANGE_MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders: 1 });
  client.order(SELL_STOP);
  const eth = { symbol: "ETHUSDT", side: "BUY", type: "STOP_LOSS", quantity: "0.1", stopPrice: "4000" };
  assert.equal(client.refusedOrder(eth), "-2010: Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS");
  state.assetCaps.set("USDT", fixed("499.99"));
  assert.equal(client.refusedOrder(BUY), "-2010: Filter failure: MAX_ASSET");
  client.order({ ...BUY, price: "49999" });
});
