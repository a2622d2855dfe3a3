import type { Fixed } from "../core/fixed.ts";
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
