import { type Market, SYMBOL_STATUSES } from "../engine/model.ts";
import { marketOf } from "../engine/orders.ts";
import { Rejection } from "../engine/rejection.ts";
import { notValid } from "./params.ts";
import type { Call } from "./route.ts";

/** The markets a request is about: one, some or all. A single symbol is answered without an array. */
export function readMarkets({ params, state }: Call): { markets: Market[]; isSingle: boolean } {
  const [symbol, symbols] = [params.optionalSymbol(), params.symbols()];
  const status = params.oneOf("symbolStatus", SYMBOL_STATUSES, notValid("symbolStatus"));
  if ([symbol, symbols, status].filter((one) => one !== null).length > 1) {
    throw new Rejection(-1128, "Combination of optional parameters invalid.");
  }
  const names = symbol !== null ? [symbol] : symbols ?? [...state.markets.keys()];
  const markets = names.map((name) => marketOf(state, name))
    .filter(({ rules }) => status === null || rules.status === status);
  return { markets, isSingle: symbol !== null };
}
