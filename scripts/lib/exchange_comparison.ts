/**
 * Whether the database and an exchange account tell the same story: every fill, every order, every balance. Reads the
 * tables and the exchange's REST API by itself (`binance_rest.ts`), so that neither the engine's SQL nor its adapter checks itself.
 */
import { Decimal } from "decimal.js";
import type { Sql } from "postgres";
import type { BinanceRest, RestOrder, RestTrade } from "./binance_rest.ts";

/** What was compared, and in plain words what differs; equal when nothing does. */
export interface Comparison {
  readonly orders: number;
  readonly fills: number;
  readonly assets: number;
  readonly differences: readonly string[];
}

/** What an account had before the run: it is left out of the comparison. */
export interface Baseline {
  /** By symbol, the ids from which orders and fills are this run's. */
  readonly orderIds: ReadonlyMap<string, number>;
  readonly tradeIds: ReadonlyMap<string, number>;
  /** Total holdings by asset, decimal text. */
  readonly holdings: ReadonlyMap<string, string>;
}

/** An account whose whole life is compared. */
export const FROM_THE_BEGINNING: Baseline = { orderIds: new Map(), tradeIds: new Map(), holdings: new Map() };

/** An order as its row shows it. */
export interface OrderRow {
  readonly id: string;
  readonly client_order_id: string;
  readonly binance_order_id: string | null;
  readonly symbol: string;
  readonly side: string;
  readonly state: string;
  readonly quantity: string;
  readonly filled_quantity: string;
}

/** A fill as its row shows it, with the exchange's id of its order. */
export interface TradeRow {
  readonly symbol: string;
  readonly binance_trade_id: string;
  readonly binance_order_id: string | null;
  readonly side: string;
  readonly price: string;
  readonly quantity: string;
  readonly fee: string;
  readonly fee_asset: string;
}

/** States of ours that say: the exchange never had this order. */
const NEVER_THERE = new Set(["denied", "abandoned", "not_sent", "rejected", "not_placed"]);

/** The exchange's states in our words. A triggered stop that could not be filled is shown as expired, whatever ended it. */
const STATES: Readonly<Record<string, string>> = {
  NEW: "working",
  PENDING_NEW: "working",
  PARTIALLY_FILLED: "partially_filled",
  FILLED: "filled",
  CANCELED: "cancelled",
  EXPIRED: "expired",
  EXPIRED_IN_MATCH: "expired",
  REJECTED: "rejected",
};

/** What the account holds and did before the run. */
export async function readBaseline(rest: BinanceRest, symbols: readonly string[]): Promise<Baseline> {
  const orderIds = new Map<string, number>();
  const tradeIds = new Map<string, number>();
  for (const symbol of symbols) {
    orderIds.set(symbol, ((await rest.orders(symbol)).at(-1)?.orderId ?? -1) + 1);
    tradeIds.set(symbol, ((await rest.trades(symbol)).at(-1)?.id ?? -1) + 1);
  }
  const { balances } = await rest.account();
  const holdings = new Map(
    balances.map(({ asset, free, locked }) => [asset, new Decimal(free).plus(locked).toFixed()]),
  );
  return { orderIds, tradeIds, holdings };
}

/** Compares an account with its rows. Every order must be over: an open one is a difference. */
export async function compareAccount(
  sql: Sql,
  accountId: string,
  rest: BinanceRest,
  symbols: readonly string[],
  baseline: Baseline = FROM_THE_BEGINNING,
): Promise<Comparison> {
  const differences: string[] = [];
  const theirs: RestOrder[] = [];
  const fills: RestTrade[] = [];
  for (const symbol of symbols) {
    theirs.push(...await rest.orders(symbol, baseline.orderIds.get(symbol)));
    fills.push(...await rest.trades(symbol, baseline.tradeIds.get(symbol)));
  }
  const ours = await sql<OrderRow[]>`
    select id, client_order_id, binance_order_id, symbol, side, state, quantity::text, filled_quantity::text
    from public.orders where account_id = ${accountId}`;
  compareOrders(ours, theirs, differences);
  compareFills(await readTrades(sql, accountId), fills, differences);
  for (const { symbol, clientOrderId } of await rest.openOrders()) {
    differences.push(`order ${clientOrderId} in ${symbol} is still open at the exchange`);
  }
  const assets = await compareHoldings(sql, accountId, rest, baseline, differences);
  return { orders: theirs.length, fills: fills.length, assets, differences };
}

/** Adds to `differences` what orders at the exchange and their rows do not agree on. */
export function compareOrders(
  ours: readonly OrderRow[],
  theirs: readonly RestOrder[],
  differences: string[],
): void {
  const rows = new Map(ours.map((row) => [row.client_order_id, row]));
  for (const order of theirs) {
    const name = `order ${order.clientOrderId} in ${order.symbol}`;
    const row = rows.get(order.clientOrderId);
    rows.delete(order.clientOrderId);
    if (row === undefined) {
      differences.push(`${name} is at the exchange and in no row`);
      continue;
    }
    const pairs: [string, string, string][] = [
      ["id", row.binance_order_id ?? "none", `${order.orderId}`],
      ["side", row.side, order.side],
      ["state", row.state, STATES[order.status] ?? order.status],
      ["quantity", canonical(row.quantity), canonical(order.origQty)],
      ["executed", canonical(row.filled_quantity), canonical(order.executedQty)],
    ];
    note(name, pairs, differences);
  }
  for (const { client_order_id, symbol, state } of rows.values()) {
    if (!NEVER_THERE.has(state)) {
      differences.push(
        `order ${client_order_id} in ${symbol} is ${state} in its row and not at the exchange`,
      );
    }
  }
}

/** Adds to `differences` what fills at the exchange and their rows do not agree on. */
export function compareFills(
  ours: readonly TradeRow[],
  theirs: readonly RestTrade[],
  differences: string[],
): void {
  const rows = new Map(
    ours.map((row) => [`${row.symbol} ${row.binance_trade_id} ${row.binance_order_id}`, row]),
  );
  for (const fill of theirs) {
    const name = `fill ${fill.id} in ${fill.symbol}`;
    const key = `${fill.symbol} ${fill.id} ${fill.orderId}`;
    const row = rows.get(key);
    rows.delete(key);
    if (row === undefined) {
      differences.push(`${name} is at the exchange and in no row`);
      continue;
    }
    const pairs: [string, string, string][] = [
      ["side", row.side, fill.isBuyer ? "BUY" : "SELL"],
      ["price", canonical(row.price), canonical(fill.price)],
      ["quantity", canonical(row.quantity), canonical(fill.qty)],
      ["fee", canonical(row.fee), canonical(fill.commission)],
      ["fee asset", row.fee_asset, fill.commissionAsset],
    ];
    note(name, pairs, differences);
  }
  for (const key of rows.keys()) differences.push(`fill ${key} is in a row and not at the exchange`);
}

async function readTrades(sql: Sql, accountId: string): Promise<TradeRow[]> {
  return await sql<TradeRow[]>`
    select t.symbol, t.binance_trade_id, o.binance_order_id, t.side, t.price::text, t.quantity::text, t.fee::text, t.fee_asset
    from public.trades t join public.orders o on o.id = t.order_id where t.account_id = ${accountId}`;
}

/** What the ledger says is there, asset by asset, is what the exchange holds, free and locked. */
async function compareHoldings(
  sql: Sql,
  accountId: string,
  rest: BinanceRest,
  baseline: Baseline,
  differences: string[],
): Promise<number> {
  const ledger = await sql<{ asset: string; amount: string }[]>`
    select asset, sum(amount)::text as amount from trading.ledger_entries
    where account_id = ${accountId} and (bucket in ('cash', 'position', 'dust') or (bucket = 'external' and cause_type in ('trade', 'fee_taken')))
    group by asset`;
  const booked = new Map(ledger.map(({ asset, amount }) => [asset, new Decimal(amount)]));
  const { balances } = await rest.account();
  const held = new Map(balances.map(({ asset, free, locked }) => [asset, new Decimal(free).plus(locked)]));
  const assets = new Set([...booked.keys(), ...held.keys()]);
  for (const asset of assets) {
    // What was there before and is no money of ours: the quote asset alone is booked whole, when the account is connected.
    const before = asset === "USDT" ? "0" : baseline.holdings.get(asset) ?? "0";
    const theirs = (held.get(asset) ?? new Decimal(0)).minus(before);
    const ours = booked.get(asset) ?? new Decimal(0);
    if (!ours.eq(theirs)) {
      differences.push(`${asset}: the ledger says ${ours.toFixed()}, the exchange ${theirs.toFixed()}`);
    }
  }
  return assets.size;
}

function note(name: string, pairs: readonly [string, string, string][], differences: string[]): void {
  for (const [what, ours, theirs] of pairs) {
    if (ours !== theirs) {
      differences.push(`${name}: its ${what} is ${ours} in the row and ${theirs} at the exchange`);
    }
  }
}

function canonical(amount: string): string {
  return new Decimal(amount).toFixed();
}
