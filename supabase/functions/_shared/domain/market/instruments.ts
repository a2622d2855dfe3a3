import type { Instrument } from "./types.ts";
import { decimalsOf, unitOf } from "./units.ts";

/**
 * Filters of common USDT pairs, for markets that run without the exchange (replay, synthetic). Columns: tick, lot
 * step, largest lot, as Binance Spot had them; Binance changes them now and then, so live trading reads its own.
 */
const COMMON: Readonly<Record<string, readonly [tick: string, step: string, lotMax: string]>> = {
  BTC: ["0.01", "0.00001", "9000"],
  ETH: ["0.01", "0.0001", "9000"],
  BNB: ["0.1", "0.001", "900000"],
  SOL: ["0.01", "0.001", "90000"],
  XRP: ["0.0001", "1", "9222449"],
  ADA: ["0.0001", "0.1", "900000"],
  DOGE: ["0.00001", "1", "9000000"],
  TRX: ["0.00001", "0.1", "9000000"],
  LINK: ["0.001", "0.01", "90000"],
  ATOM: ["0.001", "0.01", "900000"],
  LTC: ["0.01", "0.001", "900000"],
  AVAX: ["0.01", "0.01", "90000"],
  DOT: ["0.001", "0.01", "90000"],
  MATIC: ["0.0001", "0.1", "900000"],
  FTM: ["0.0001", "1", "9000000"],
  NKN: ["0.0001", "1", "9000000"],
};

/** Quote assets by which a symbol is taken apart; a longer name stands before one it ends with. */
const QUOTE_ASSETS = ["FDUSD", "USDT", "USDC", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY"] as const;

const TYPICAL_ORDER_TYPES = [
  "LIMIT",
  "LIMIT_MAKER",
  "MARKET",
  "STOP_LOSS_LIMIT",
  "TAKE_PROFIT_LIMIT",
] as const;

/** How fine a data set's numbers are. */
export interface Fineness {
  readonly priceDecimals: number;
  readonly quantityDecimals: number;
}

/**
 * An instrument with no exchange to ask: the common one of that name, otherwise one whose tick and step are the
 * finest decimal the data uses. Data finer than the common tick (from other years) makes the tick finer, never
 * coarser, so every price of the data is a price the instrument allows.
 *
 * Throws a RangeError for a symbol that ends in no known quote asset, or an unknown one without data.
 */
export function instrumentFor(symbol: string, seen?: Fineness): Instrument {
  const { baseAsset, quoteAsset } = splitSymbol(symbol);
  const common = quoteAsset === "USDT" ? COMMON[baseAsset] : undefined;
  if (common) {
    const [tick, lotStep, lotMax] = common;
    const finer = seen !== undefined && seen.priceDecimals > decimalsOf(tick);
    const tickSize = finer ? unitOf(seen.priceDecimals) : tick;
    return typical({ symbol, baseAsset, quoteAsset, tickSize, lotStep, lotMax });
  }
  if (!seen) {
    throw new RangeError(`${symbol} is not among the known instruments (${knownSymbols().join(", ")})`);
  }
  return typical({
    symbol,
    baseAsset,
    quoteAsset,
    tickSize: unitOf(seen.priceDecimals),
    lotStep: unitOf(seen.quantityDecimals),
    lotMax: "9000000",
  });
}

/** The symbols `instrumentFor` knows without data. */
export function knownSymbols(): string[] {
  return Object.keys(COMMON).map((base) => `${base}USDT`);
}

/** "BTCUSDT" → BTC and USDT. Throws a RangeError when no known quote asset ends the symbol. */
export function splitSymbol(symbol: string): { baseAsset: string; quoteAsset: string } {
  const quoteAsset = QUOTE_ASSETS.find((asset) => symbol.endsWith(asset) && symbol.length > asset.length);
  if (!quoteAsset || !/^[A-Z0-9]+$/.test(symbol)) {
    throw new RangeError(
      `${symbol} is no symbol of the form BASEQUOTE with a quote asset of ${QUOTE_ASSETS.join(", ")}`,
    );
  }
  return { baseAsset: symbol.slice(0, -quoteAsset.length), quoteAsset };
}

/** The rules that most symbols share, around the ones that differ. */
function typical(
  own: Pick<Instrument, "symbol" | "baseAsset" | "quoteAsset" | "tickSize" | "lotStep" | "lotMax">,
): Instrument {
  return {
    ...own,
    status: "TRADING",
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    minPrice: own.tickSize,
    maxPrice: "1000000",
    lotMin: own.lotStep,
    marketLotMin: "0",
    marketLotMax: own.lotMax,
    marketLotStep: "0",
    minNotional: "5",
    applyMinToMarket: true,
    maxNotional: "9000000",
    applyMaxToMarket: false,
    percentPrice: {
      bidMultiplierUp: "5",
      bidMultiplierDown: "0.2",
      askMultiplierUp: "5",
      askMultiplierDown: "0.2",
      avgPriceMins: 5,
    },
    maxNumOrders: 200,
    maxNumAlgoOrders: 5,
    orderTypes: TYPICAL_ORDER_TYPES,
    isSpotTradingAllowed: true,
    permissionSets: [["SPOT"]],
  };
}
