/** Where paper and Binance may leave different rows, and why. Whatever is not named here has to be the same. */
import type { Row, Rows } from "./rows.ts";

export interface Difference {
  /** The scenario's name; null: in all of them. */
  readonly scenario: string | null;
  readonly kind: keyof Rows;
  /** Rows with these values alone; absent: every row. */
  readonly where?: Row;
  /** The columns that differ; null: there are such rows on one venue alone, or they differ as a whole. */
  readonly columns: readonly string[] | null;
  readonly why: string;
}

const RESULT = ["exit_price", "exit_value", "fees", "pnl", "pnl_percent", "dust_value"];

/** Differences of a scenario as a whole: its kinds of rows without columns differ altogether. */
function inScenario(
  scenario: string,
  why: string,
  kinds: Partial<Record<keyof Rows, readonly string[] | null>>,
): Difference[] {
  return Object.entries(kinds).map(([kind, columns]) => ({
    scenario,
    kind: kind as keyof Rows,
    columns,
    why,
  }));
}

export const DIFFERENCES: readonly Difference[] = [
  {
    scenario: null,
    kind: "orders",
    where: { role: "take_profit" },
    columns: ["type"],
    why: "In a list the exchange wants the upper leg as LIMIT_MAKER; paper has no lists.",
  },
  ...inScenario(
    "each of several targets sells its share, and the last one the rest",
    "One list rests at the exchange, with the farthest target. The nearer ones the engine sells at market when the bid " +
      "reaches them, where paper's rest and fill at their own price.",
    { fills: null, orders: null, ledger: null, positions: RESULT },
  ),
  ...inScenario(
    "after a first target the stop guards what is left",
    "As above: the first target is a market sale.",
    { fills: null, orders: null, ledger: null, positions: RESULT },
  ),
  ...inScenario(
    "a market that passes all targets at once sells everything",
    "The farthest target rests for the whole quantity, so the exchange sells all of it there; the engine's sales at the " +
      "nearer ones find nothing to replace.",
    { fills: null, orders: null, ledger: null, positions: RESULT },
  ),
  ...inScenario(
    "what a thin book leaves of a stop is guarded, and sold when there are bids again",
    "The exchange's stop ends by itself with what it sold; the engine's own sells the rest, as an order of its own, once " +
      "there is a price. Paper tries the stop's sale again.",
    { orders: null },
  ),
  ...inScenario(
    "a close into an empty book keeps the position guarded and sells when there are bids",
    "Paper looks into its book before it makes an order; the exchange has to be asked, and each try is an order of its own.",
    { orders: null },
  ),
  ...inScenario(
    "two traders of one owner each have their position",
    "On paper each trader has an account and its own start balance; at the exchange they share their owner's.",
    { ledger: null },
  ),
];

/** What is left of a scenario's rows once the named differences are taken out of them. */
export function comparable(rows: Rows, differences: readonly Difference[]): Rows {
  return differences.reduce(without, rows);
}

function without(rows: Rows, { kind, where = {}, columns }: Difference): Rows {
  const isMeant = (row: Row) => Object.entries(where).every(([name, value]) => row[name] === value);
  if (columns === null) return { ...rows, [kind]: rows[kind].filter((row) => !isMeant(row)) };
  const cut = (row: Row) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !columns.includes(name)));
  return { ...rows, [kind]: rows[kind].map((row) => isMeant(row) ? cut(row) : row) };
}
