import { type Fixed, fixed } from "../core/fixed.ts";
import { randomFrom } from "../core/random.ts";
import {
  type ExchangeState,
  type Filter,
  type Market,
  ORDER_TYPES,
  STP_MODES,
  type SymbolRules,
} from "./model.ts";

/** What is particular to a symbol; the rest is the same for all. */
interface Listing {
  readonly base: string;
  readonly quote: string;
  readonly tick: string;
  readonly maxPrice: string;
  readonly step: string;
  readonly maxQuantity: string;
  readonly maxMarketQuantity: string;
  readonly minNotional: string;
  /** Where a synthetic market begins. */
  readonly price: string;
}

function listing(row: string): Listing {
  const [base, quote, tick, maxPrice, step, maxQuantity, maxMarketQuantity, minNotional, price] = row.split(
    /\s+/,
  );
  return { base, quote, tick, maxPrice, step, maxQuantity, maxMarketQuantity, minNotional, price } as Listing;
}

/** Base, quote, tick, highest price, lot step, most per order, most per market order, least value, first price. */
const LISTINGS: readonly Listing[] = [
  "BTC  USDT 0.01       1000000 0.00001 9000        83.14         5      60000",
  "ETH  USDT 0.01       1000000 0.0001  9000        2281.41352301 5      3000",
  "BNB  USDT 0.01       100000  0.001   900000      3700.5        5      600",
  "SOL  USDT 0.01       10000   0.001   900000      25000.5       5      150",
  "ADA  USDT 0.0001     1000    0.1     900000      700000.5      5      0.6",
  "DOGE USDT 0.00001    1000    1       9000000     5000000       1      0.15",
  "PEPE USDT 0.00000001 1       1       46116860414 8000000000    1      0.00001",
  "FTM  USDT 0.0001     1000    1       900000      600000        5      0.6",
  "NKN  USDT 0.0001     1000    1       900000      300000        5      0.35",
  "ETH  BTC  0.00001    922327  0.0001  100000      985.33449583  0.0001 0.05",
  "BNB  BTC  0.000001   100000  0.001   100000      1500.5        0.0001 0.01",
].map(listing);

export const SYMBOLS: readonly string[] = LISTINGS.map(({ base, quote }) => base + quote);

/** Where a synthetic market of a symbol begins. */
export function firstPrice(symbol: string): Fixed {
  const found = LISTINGS.find(({ base, quote }) => base + quote === symbol);
  if (found === undefined) throw new RangeError(`${symbol} is not listed.`);
  return fixed(found.price);
}

function filtersOf(listing: Listing): Filter[] {
  const [tick, step] = [fixed(listing.tick), fixed(listing.step)];
  return [
    { filterType: "PRICE_FILTER", minPrice: tick, maxPrice: fixed(listing.maxPrice), tickSize: tick },
    { filterType: "LOT_SIZE", minQty: step, maxQty: fixed(listing.maxQuantity), stepSize: step },
    { filterType: "ICEBERG_PARTS", limit: 100 },
    { filterType: "MARKET_LOT_SIZE", minQty: 0n, maxQty: fixed(listing.maxMarketQuantity), stepSize: 0n },
    {
      filterType: "TRAILING_DELTA",
      minTrailingAboveDelta: 10,
      maxTrailingAboveDelta: 2000,
      minTrailingBelowDelta: 10,
      maxTrailingBelowDelta: 2000,
    },
    {
      filterType: "PERCENT_PRICE_BY_SIDE",
      bidMultiplierUp: fixed("5"),
      bidMultiplierDown: fixed("0.2"),
      askMultiplierUp: fixed("5"),
      askMultiplierDown: fixed("0.2"),
      avgPriceMins: 5,
    },
    {
      filterType: "NOTIONAL",
      minNotional: fixed(listing.minNotional),
      applyMinToMarket: true,
      maxNotional: fixed("9000000"),
      applyMaxToMarket: false,
      avgPriceMins: 5,
    },
    { filterType: "MAX_NUM_ORDERS", maxNumOrders: 200 },
    { filterType: "MAX_NUM_ORDER_LISTS", maxNumOrderLists: 20 },
    { filterType: "MAX_NUM_ALGO_ORDERS", maxNumAlgoOrders: 5 },
    { filterType: "MAX_NUM_ORDER_AMENDS", maxNumOrderAmends: 10 },
  ];
}

function rulesOf(listing: Listing): SymbolRules {
  return {
    symbol: listing.base + listing.quote,
    baseAsset: listing.base,
    quoteAsset: listing.quote,
    status: "TRADING",
    orderTypes: [...ORDER_TYPES],
    filters: filtersOf(listing),
    defaultStpMode: "EXPIRE_MAKER",
    stpModes: [...STP_MODES],
  };
}

function newMarket(listing: Listing): Market {
  return {
    rules: rulesOf(listing),
    nextOrderId: 1,
    nextTradeId: 1,
    nextPreventedMatchId: 1,
    lastUpdateId: 1,
    orders: new Map(),
    byClientId: new Map(),
    working: { BUY: [], SELL: [] },
    stops: [],
    outside: { bids: [], asks: [] },
    readyLists: [],
    lastPrice: fixed(listing.price),
    trades: [],
    executions: [],
    candles: [],
    seconds: [],
  };
}

/** An exchange with every symbol of the catalogue, no account and no offers. */
export function newExchange(seed: number): ExchangeState {
  return {
    markets: new Map(LISTINGS.map((it) => [it.base + it.quote, newMarket(it)])),
    accounts: new Map(),
    lists: new Map(),
    holds: new Map(),
    nextListId: 0,
    exchangeFilters: [],
    assetCaps: new Map(),
    random: randomFrom(seed, "exchange"),
    readLag: { probability: 0, ms: 0 },
    deposits: new Map(),
    outsideFlow: new Map(),
    fees: new Map(),
  };
}
