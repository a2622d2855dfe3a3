import { ExchangeInfo, type ExchangeSymbol } from "../../contracts/market.ts";
import type { Instrument, PercentPrice } from "../../domain/market/types.ts";

/** A symbol that cannot be traded by rule, because the rules themselves are missing. */
export interface UnusableSymbol {
  readonly symbol: string;
  readonly missing: readonly string[];
}

/**
 * An answer of `GET /api/v3/exchangeInfo` as instruments. Symbols without a price or a lot filter are returned
 * apart: guessing a tick size would send orders the exchange refuses. Throws a ZodError when the answer has not
 * the documented shape.
 */
export function instrumentsFrom(answer: unknown): { instruments: Instrument[]; unusable: UnusableSymbol[] } {
  const instruments: Instrument[] = [];
  const unusable: UnusableSymbol[] = [];
  for (const symbol of ExchangeInfo.parse(answer).symbols) {
    const missing = (["PRICE_FILTER", "LOT_SIZE"] as const).filter((name) => !symbol.filters[name]);
    if (missing.length > 0) unusable.push({ symbol: symbol.symbol, missing });
    else instruments.push(instrumentOf(symbol));
  }
  return { instruments, unusable };
}

function instrumentOf(symbol: ExchangeSymbol): Instrument {
  const { PRICE_FILTER: price, LOT_SIZE: lot, MARKET_LOT_SIZE: market } = symbol.filters;
  return {
    symbol: symbol.symbol,
    status: symbol.status,
    baseAsset: symbol.baseAsset,
    quoteAsset: symbol.quoteAsset,
    baseCommissionPrecision: symbol.baseCommissionPrecision,
    quoteCommissionPrecision: symbol.quoteCommissionPrecision,
    tickSize: price!.tickSize,
    minPrice: price!.minPrice,
    maxPrice: price!.maxPrice,
    lotMin: lot!.minQty,
    lotMax: lot!.maxQty,
    lotStep: lot!.stepSize,
    marketLotMin: market?.minQty ?? "0",
    marketLotMax: market?.maxQty ?? "0",
    marketLotStep: market?.stepSize ?? "0",
    ...notional(symbol),
    percentPrice: percentPrice(symbol),
    maxNumOrders: symbol.filters.MAX_NUM_ORDERS?.maxNumOrders ?? null,
    maxNumAlgoOrders: symbol.filters.MAX_NUM_ALGO_ORDERS?.maxNumAlgoOrders ?? null,
    orderTypes: symbol.orderTypes,
    isSpotTradingAllowed: symbol.isSpotTradingAllowed,
    permissionSets: permissionSets(symbol),
  };
}

/** NOTIONAL took MIN_NOTIONAL's place in 2023; a symbol has one of them, or neither. */
function notional(
  symbol: ExchangeSymbol,
): Pick<Instrument, "minNotional" | "applyMinToMarket" | "maxNotional" | "applyMaxToMarket"> {
  const { NOTIONAL: both, MIN_NOTIONAL: least } = symbol.filters;
  if (both) {
    const { minNotional, applyMinToMarket, maxNotional, applyMaxToMarket } = both;
    return { minNotional, applyMinToMarket, maxNotional, applyMaxToMarket };
  }
  return {
    minNotional: least?.minNotional ?? "0",
    applyMinToMarket: least?.applyToMarket ?? false,
    maxNotional: null,
    applyMaxToMarket: false,
  };
}

/** PERCENT_PRICE is PERCENT_PRICE_BY_SIDE with the same factors on both sides. */
function percentPrice(symbol: ExchangeSymbol): PercentPrice | null {
  const { PERCENT_PRICE_BY_SIDE: bySide, PERCENT_PRICE: both } = symbol.filters;
  if (bySide) {
    const { bidMultiplierUp, bidMultiplierDown, askMultiplierUp, askMultiplierDown, avgPriceMins } = bySide;
    return { bidMultiplierUp, bidMultiplierDown, askMultiplierUp, askMultiplierDown, avgPriceMins };
  }
  if (!both) return null;
  return {
    bidMultiplierUp: both.multiplierUp,
    bidMultiplierDown: both.multiplierDown,
    askMultiplierUp: both.multiplierUp,
    askMultiplierDown: both.multiplierDown,
    avgPriceMins: both.avgPriceMins,
  };
}

function permissionSets(symbol: ExchangeSymbol): readonly (readonly string[])[] {
  if (symbol.permissionSets.length > 0) return symbol.permissionSets;
  return symbol.permissions.length > 0 ? [symbol.permissions] : [];
}
