/** Market data in the shape of the database's commands: column names, money as text. */
import { z } from "zod";
import type { Instrument, Quote } from "../domain/market/types.ts";

/** An element of `trading.apply_prices`' array. */
export function quoteRow(quote: Quote): Record<string, unknown> {
  return {
    symbol: quote.symbol,
    bid: quote.bid,
    bid_quantity: quote.bidQty,
    ask: quote.ask,
    ask_quantity: quote.askQty,
    last: quote.last,
    high: quote.high,
    low: quote.low,
    observed_at: new Date(quote.observedAt).toISOString(),
    source: quote.source,
    ...(quote.depth ? { depth: quote.depth } : {}),
  };
}

/** An element of `trading.apply_instruments`' array. */
export function instrumentRow(instrument: Instrument): Record<string, unknown> {
  const percent = instrument.percentPrice;
  return {
    symbol: instrument.symbol,
    base_asset: instrument.baseAsset,
    quote_asset: instrument.quoteAsset,
    status: instrument.status,
    base_commission_precision: instrument.baseCommissionPrecision,
    quote_commission_precision: instrument.quoteCommissionPrecision,
    tick_size: instrument.tickSize,
    price_min: instrument.minPrice,
    price_max: instrument.maxPrice,
    lot_min: instrument.lotMin,
    lot_max: instrument.lotMax,
    lot_step: instrument.lotStep,
    market_lot_min: instrument.marketLotMin,
    market_lot_max: instrument.marketLotMax,
    market_lot_step: instrument.marketLotStep,
    notional_min: instrument.minNotional,
    notional_min_applies_to_market: instrument.applyMinToMarket,
    notional_max: instrument.maxNotional,
    notional_max_applies_to_market: instrument.applyMaxToMarket,
    bid_multiplier_up: percent?.bidMultiplierUp ?? null,
    bid_multiplier_down: percent?.bidMultiplierDown ?? null,
    ask_multiplier_up: percent?.askMultiplierUp ?? null,
    ask_multiplier_down: percent?.askMultiplierDown ?? null,
    max_open_orders: instrument.maxNumOrders,
    max_algo_orders: instrument.maxNumAlgoOrders,
    order_types: instrument.orderTypes,
  };
}

/** Answer of `trading.apply_prices`. */
export const tickEffect = z.object({ applied: z.number(), stops: z.number(), limits: z.number() });

/** Answer of `trading.poll_plan`, where it gives one. */
export const pollPlan = z.array(z.object({ symbol: z.string(), since: z.string().nullable() })).transform(
  (rows): ReadonlyMap<string, number | undefined> =>
    new Map(rows.map((row) => [row.symbol, row.since === null ? undefined : Date.parse(row.since)])),
);
