import { type Fixed, fixed } from "../core/fixed.ts";
import type { Filter, SymbolRules } from "./model.ts";

export function filterOf({ filters }: Pick<SymbolRules, "filters">, type: string): Filter | null {
  return filters.find(({ filterType }) => filterType === type) ?? null;
}

/** A price, quantity or factor of a filter. */
export function amountOf(filter: Filter, field: string): Fixed {
  const value = filter[field];
  if (typeof value !== "bigint") throw new TypeError(`${filter.filterType} has no amount "${field}".`);
  return value;
}

/** A number of things or minutes. */
export function countOf(filter: Filter, field: string): number {
  const value = filter[field];
  if (typeof value !== "number") throw new TypeError(`${filter.filterType} has no number "${field}".`);
  return value;
}

type Kind = "amount" | "count" | "flag";

/** What the rules read of each filter; others are listed and bind nobody. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  PRICE_FILTER: { minPrice: "amount", maxPrice: "amount", tickSize: "amount" },
  LOT_SIZE: { minQty: "amount", maxQty: "amount", stepSize: "amount" },
  MARKET_LOT_SIZE: { minQty: "amount", maxQty: "amount", stepSize: "amount" },
  PERCENT_PRICE: { multiplierUp: "amount", multiplierDown: "amount", avgPriceMins: "count" },
  PERCENT_PRICE_BY_SIDE: {
    ...{ bidMultiplierUp: "amount", bidMultiplierDown: "amount" },
    ...{ askMultiplierUp: "amount", askMultiplierDown: "amount", avgPriceMins: "count" },
  },
  MIN_NOTIONAL: { minNotional: "amount", applyToMarket: "flag", avgPriceMins: "count" },
  NOTIONAL: {
    ...{ minNotional: "amount", applyMinToMarket: "flag" },
    ...{ maxNotional: "amount", applyMaxToMarket: "flag", avgPriceMins: "count" },
  },
  MAX_NUM_ORDERS: { maxNumOrders: "count" },
  MAX_NUM_ALGO_ORDERS: { maxNumAlgoOrders: "count" },
  MAX_NUM_ORDER_LISTS: { maxNumOrderLists: "count" },
  MAX_NUM_ORDER_AMENDS: { maxNumOrderAmends: "count" },
  MAX_POSITION: { maxPosition: "amount" },
};
const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  amount: (value) => typeof value === "bigint",
  count: (value) => typeof value === "number",
  flag: (value) => typeof value === "boolean",
};

/**
 * A filter as exchangeInfo shows it: amounts as text, which are kept exact; its name is text that stays text. Throws a
 * `RangeError` for one that the rules could not read.
 */
export function readFilter(shown: Readonly<Record<string, string | number | boolean>>): Filter {
  const { filterType, ...fields } = shown;
  if (typeof filterType !== "string") throw new RangeError("A filter has a filterType.");
  const entries = Object.entries(fields).map(([field, value]) =>
    [field, typeof value === "string" ? fixed(value) : value] as const
  );
  const filter: Filter = { filterType, ...Object.fromEntries(entries) };
  for (const [field, kind] of Object.entries(FIELDS[filterType] ?? {})) {
    if (!IS[kind](filter[field])) {
      throw new RangeError(`${filterType} needs ${field}: ${kind}.`);
    }
  }
  return filter;
}
