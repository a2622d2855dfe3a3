import assert from "node:assert/strict";
import ccxt from "ccxt";
import { wallClock } from "./core/clock.ts";
import { fixed } from "./core/fixed.ts";
import { deposit } from "./engine/accounts.ts";
import { serveApi } from "./http/server.ts";
import { openMarkets } from "./market/synthetic.ts";
import { Simulator } from "./simulator.ts";

const SYMBOL = "BTC/USDT";

async function withExchange(
  test: (exchange: InstanceType<typeof ccxt.binance>, simulator: Simulator) => Promise<void>,
): Promise<void> {
  const simulator = new Simulator(wallClock, 1);
  openMarkets(simulator.state, 1, wallClock.now());
  simulator.openAccount("demo");
  deposit(simulator.state, "demo", "USDT", fixed("10000"));
  const { apiKey, secret } = simulator.addKey("demo");
  await using server = await serveApi(simulator, 0);
  const exchange = new ccxt.binance({
    apiKey,
    secret,
    number: String,
    options: {
      defaultType: "spot",
      fetchMarkets: { types: ["spot"] },
      fetchCurrencies: false,
      fetchMargins: false,
    },
  });
  const urls = {
    public: `${server.url}/api/v3`,
    private: `${server.url}/api/v3`,
    sapi: `${server.url}/sapi/v1`,
  };
  exchange.urls.api = urls;
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  // A connection that is used again makes Deno's fetch send a request twice when it ends without an answer.
  exchange.fetchImplementation = (url: string, init: RequestInit) => fetch(url, { ...init, client });
  await test(exchange, simulator);
}

Deno.test("CCXT trades against the simulator as it would against Binance", async () => {
  await withExchange(async (exchange, simulator) => {
    const markets = await exchange.fetchMarkets();
    const btc = markets.find((market) => market?.symbol === SYMBOL);
    assert.equal(btc?.precision.amount, "0.00001000");
    assert.equal(btc?.limits.cost?.min, "5.00000000");

    const bought = await exchange.createOrder(SYMBOL, "market", "buy", 0.01, undefined, {
      newClientOrderId: "buy-1",
    });
    assert.equal(bought.status, "closed");
    assert.equal(String(bought.fee?.currency), "BTC");
    assert.equal(bought.filled, "0.01000000");

    const limit = await exchange.createOrder(SYMBOL, "limit", "buy", 0.001, 50_000, {
      newClientOrderId: "rest-1",
    });
    assert.equal(limit.status, "open");
    const found = await exchange.fetchOrder("", SYMBOL, { origClientOrderId: "rest-1" });
    assert.equal(found.id, limit.id);
    const open = await exchange.fetchOpenOrders(SYMBOL);
    assert.deepEqual(open.map(({ clientOrderId }) => clientOrderId), ["rest-1"]);
    const cancelled = await exchange.cancelOrder(limit.id!, SYMBOL);
    assert.equal(cancelled.status, "canceled");

    const oco = await exchange.privatePostOrderListOco({
      symbol: "BTCUSDT",
      side: "SELL",
      quantity: "0.00999",
      aboveType: "LIMIT_MAKER",
      abovePrice: "66000",
      belowType: "STOP_LOSS",
      belowStopPrice: "57000",
      listClientOrderId: "exit-1",
    });
    assert.equal(oco.contingencyType, "OCO");
    assert.equal((await exchange.fetchOpenOrders(SYMBOL)).length, 2);

    const trades = await exchange.fetchMyTrades(SYMBOL);
    assert.deepEqual(trades.map(({ order }) => order), [bought.id]);
    const balance = await exchange.fetchBalance();
    assert.equal(balance.BTC?.used, "0.00999000");
    assert.equal(simulator.log.filter(({ status }) => status !== 200).length, 0);
  });
});

Deno.test("CCXT reads the market, edits, brackets and cancels", async () => {
  await withExchange(async (exchange, simulator) => {
    await exchange.loadMarkets();
    const book = await exchange.fetchOrderBook(SYMBOL, 5);
    assert.equal(book.bids.length, 5);
    assert.equal((await exchange.fetchTicker(SYMBOL)).last, "60000.00000000");
    assert.equal((await exchange.fetchTrades(SYMBOL)).length, 1);
    assert.equal((await exchange.fetchOHLCV(SYMBOL, "1m")).length, 1);
    assert.equal((await exchange.fetchTradingFee(SYMBOL)).taker, "0.001");
    await exchange.loadTimeDifference();

    const byCost = await exchange.createMarketBuyOrderWithCost(SYMBOL, 100);
    assert.equal(byCost.status, "closed");
    const resting = await exchange.createOrder(SYMBOL, "limit", "buy", 0.001, 50_000);
    const edited = await exchange.editOrder(resting.id!, SYMBOL, "limit", "buy", 0.002, 51_000);
    assert.equal(edited.status, "open");
    assert.equal((await exchange.fetchOrder(resting.id!, SYMBOL)).status, "canceled");
    const stop = await exchange.createOrder(SYMBOL, "market", "sell", 0.001, undefined, {
      stopLossPrice: 50_000,
    });
    assert.equal(stop.status, "open");
    await exchange.privatePostOrderListOtoco({
      symbol: "BTCUSDT",
      workingType: "LIMIT",
      workingSide: "BUY",
      workingPrice: "50000",
      workingQuantity: "0.01",
      workingTimeInForce: "GTC",
      pendingSide: "SELL",
      pendingQuantity: "0.00999",
      pendingAboveType: "LIMIT_MAKER",
      pendingAbovePrice: "66000",
      pendingBelowType: "STOP_LOSS",
      pendingBelowStopPrice: "45000",
      listClientOrderId: "bracket-1",
    });
    const list = await exchange.privateGetOrderList({ origClientOrderId: "bracket-1" });
    assert.equal(list.listOrderStatus, "EXECUTING");
    const restrictions = await exchange.sapiGetAccountApiRestrictions();
    assert.equal(restrictions.enableSpotAndMarginTrading, true);
    await exchange.cancelAllOrders(SYMBOL);
    assert.deepEqual(await exchange.fetchOpenOrders(SYMBOL), []);
    assert.equal((await exchange.fetchClosedOrders(SYMBOL)).length, 1);
    assert.deepEqual(simulator.log.filter(({ status }) => status !== 200), []);
  });
});

Deno.test("CCXT sees the documented errors and a lost answer as what they are", async () => {
  await withExchange(async (exchange, simulator) => {
    await exchange.loadMarkets();
    await assert.rejects(exchange.createOrder(SYMBOL, "limit", "buy", 0.00001, 50_000), /NOTIONAL/);
    await assert.rejects(exchange.createOrder(SYMBOL, "market", "sell", 1), ccxt.InsufficientFunds);
    await assert.rejects(exchange.fetchOrder("77", SYMBOL), ccxt.OrderNotFound);
    const rule = { method: "POST", path: "/api/v3/order", times: 1, probability: 1, status: null, ms: 0 };
    simulator.faults.add({ ...rule, kind: "answer_lost", isExecuted: true });
    const lost = { newClientOrderId: "lost-1" };
    await assert.rejects(
      exchange.createOrder(SYMBOL, "market", "buy", 0.01, undefined, lost),
      ccxt.NetworkError,
    );
    const found = await exchange.fetchOrder("", SYMBOL, { origClientOrderId: "lost-1" });
    assert.equal(found.status, "closed");
    simulator.faults.add({ ...rule, kind: "truncated", isExecuted: true });
    await assert.rejects(
      exchange.createOrder(SYMBOL, "market", "buy", 0.01, undefined, { newClientOrderId: "cut-1" }),
    );
    assert.equal((await exchange.fetchOrder("", SYMBOL, { origClientOrderId: "cut-1" })).status, "closed");
    simulator.faults.add({ ...rule, kind: "backend_timeout", isExecuted: false });
    await assert.rejects(
      exchange.createOrder(SYMBOL, "market", "buy", 0.01, undefined, { newClientOrderId: "t-1" }),
      ccxt.RequestTimeout,
    );
    await assert.rejects(exchange.fetchOrder("", SYMBOL, { origClientOrderId: "t-1" }), ccxt.OrderNotFound);
  });
});
