import { formatFixed as text, mul } from "../core/fixed.ts";
import { levelsOf } from "../engine/book.ts";
import type { Market } from "../engine/model.ts";
import { marketOf } from "../engine/orders.ts";
import { averagePrice } from "../engine/public_trades.ts";
import { ORDER_LIMITS, RAW_REQUESTS_PER_5_MINUTES, WEIGHT_PER_MINUTE } from "./limits.ts";
import { readMarkets } from "./market_params.ts";
import type { Params } from "./params.ts";
import { filterInfo, symbolInfo } from "./render.ts";
import { type Call, type Route, selectRows } from "./route.ts";
import { CANDLE_ROUTES } from "./candle_routes.ts";
import type { Json } from "./wire.ts";

const AVERAGE_MINUTES = 5;
const ROWS_MAX = 1_000;

export function depthWeight(params: Params): number {
  const limit = params.limit(100, 5_000);
  if (limit <= 100) return 5;
  if (limit <= 500) return 25;
  return limit <= 1_000 ? 50 : 250;
}

const rateLimits: readonly Json[] = [
  { rateLimitType: "REQUEST_WEIGHT", interval: "MINUTE", intervalNum: 1, limit: WEIGHT_PER_MINUTE },
  ...ORDER_LIMITS.map(({ interval, intervalNum, limit }) => ({
    rateLimitType: "ORDERS",
    interval,
    intervalNum,
    limit,
  })),
  { rateLimitType: "RAW_REQUESTS", interval: "MINUTE", intervalNum: 5, limit: RAW_REQUESTS_PER_5_MINUTES },
];

/** An endpoint that answers with one row a market. */
function perMarket(path: string, weight: Route["weight"], row: (market: Market, call: Call) => Json): Route {
  const prepare = (call: Call) => {
    const { markets, isSingle } = readMarkets(call);
    return () => isSingle ? row(markets[0]!, call) : markets.map((market) => row(market, call));
  };
  return { method: "GET", path, security: "none", weight, prepare };
}

function prepareExchangeInfo(call: Call): () => Json {
  const { params } = call;
  const { markets } = readMarkets(call);
  params.text("permissions");
  const hasSets = params.flag("showPermissionSets", true);
  return () => ({
    timezone: "UTC",
    serverTime: call.serverTime(),
    rateLimits,
    exchangeFilters: call.state.exchangeFilters.map(filterInfo),
    symbols: markets.map(({ rules }) => symbolInfo(rules, hasSets)),
    sors: [],
  });
}

function prepareDepth({ params, state }: Call): () => Json {
  const market = marketOf(state, params.symbol());
  const limit = params.limit(100, 5_000);
  const side = (of: "BUY" | "SELL") =>
    levelsOf(market, of, limit).map(({ price, quantity }) => [text(price), text(quantity)]);
  return () => ({ lastUpdateId: market.lastUpdateId, bids: side("BUY"), asks: side("SELL") });
}

function prepareTrades({ params, state }: Call): () => Json {
  const market = marketOf(state, params.symbol());
  const limit = params.limit(500, ROWS_MAX);
  const fromId = params.integer("fromId");
  return () => {
    const rows = fromId === null
      ? market.trades.slice(-limit)
      : market.trades.filter(({ id }) => id >= fromId).slice(0, limit);
    return rows.map(({ id, price, quantity, at, isBuyerMaker }) => ({
      id,
      price: text(price),
      qty: text(quantity),
      quoteQty: text(mul(price, quantity)),
      time: at,
      isBuyerMaker,
      isBestMatch: true,
    }));
  };
}

/** Every trade is its own aggregate. */
function prepareAggTrades({ params, state }: Call): () => Json {
  const market = marketOf(state, params.symbol());
  const limit = params.limit(500, ROWS_MAX);
  const fromId = params.integer("fromId");
  const range = { start: params.integer("startTime"), end: params.integer("endTime") };
  return () => {
    const rows = fromId === null
      ? selectRows(market.trades, ({ at }) => at, range, limit)
      : market.trades.filter(({ id }) => id >= fromId).slice(0, limit);
    return rows.map(({ id, price, quantity, at, isBuyerMaker }) => ({
      a: id,
      p: text(price),
      q: text(quantity),
      f: id,
      l: id,
      T: at,
      m: isBuyerMaker,
      M: true,
    }));
  };
}

function bookTicker(market: Market): Json {
  const [bid, ask] = [levelsOf(market, "BUY", 1)[0], levelsOf(market, "SELL", 1)[0]];
  return {
    symbol: market.rules.symbol,
    bidPrice: text(bid?.price ?? 0n),
    bidQty: text(bid?.quantity ?? 0n),
    askPrice: text(ask?.price ?? 0n),
    askQty: text(ask?.quantity ?? 0n),
  };
}

function simple(path: string, weight: Route["weight"], prepare: (call: Call) => () => Json): Route {
  return { method: "GET", path, security: "none", weight, prepare };
}

const tickerWeight = (params: Params) => params.has("symbol") ? 2 : 4;

export const PUBLIC_ROUTES: readonly Route[] = [
  simple("/api/v3/ping", 1, () => () => ({})),
  simple("/api/v3/time", 1, (call) => () => ({ serverTime: call.serverTime() })),
  simple("/api/v3/exchangeInfo", 20, prepareExchangeInfo),
  simple("/api/v3/depth", depthWeight, prepareDepth),
  simple("/api/v3/trades", 25, prepareTrades),
  simple("/api/v3/historicalTrades", 25, prepareTrades),
  simple("/api/v3/aggTrades", 4, prepareAggTrades),
  simple("/api/v3/avgPrice", 2, ({ params, state, now }) => {
    const market = marketOf(state, params.symbol());
    return () => ({
      mins: AVERAGE_MINUTES,
      price: text(averagePrice(market, AVERAGE_MINUTES, now())),
      closeTime: market.trades.at(-1)?.at ?? now(),
    });
  }),
  perMarket("/api/v3/ticker/price", tickerWeight, ({ rules, lastPrice }) => ({
    symbol: rules.symbol,
    price: text(lastPrice),
  })),
  perMarket("/api/v3/ticker/bookTicker", tickerWeight, bookTicker),
  ...CANDLE_ROUTES,
];
