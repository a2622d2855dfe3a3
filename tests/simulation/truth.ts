/** The database against the exchange: what is recorded must never contradict what is so. */
import { type Fixed, fixed, formatShort } from "../../simulator/core/fixed.ts";
import type { Execution, Order, OrderRef } from "../../simulator/engine/model.ts";
import { findRef, isOpen } from "../../simulator/engine/orders.ts";
import {
  type Books,
  type GateRow,
  NOTHING_SEEN,
  type OrderRow,
  readBooks,
  type Seen,
  type TradeRow,
  type Violation,
} from "./books.ts";
import type { LiveUser, World } from "./world.ts";

/** Remembers what was compared already: only what is new on either side can contradict the other. */
export class Truth {
  #seen: Seen = NOTHING_SEEN;
  readonly #rows = new Map<string, OrderRow>();
  readonly #byClient = new Map<string, Order[]>();
  /** Of each order. */
  readonly #executions = new Map<string, Execution[]>();
  readonly #seenOrders = new Map<string, number>();
  readonly #seenTrades = new Map<string, number>();
  readonly #stopped = new Set<string>();
  readonly #timed = new Set<string>();
  /** Milliseconds from permit to acceptance, of the slowest order, and how many came after their window. */
  slowestMs = 0;
  lateCount = 0;

  /** Whatever the books say that is wrong by itself or contradicts the exchange. */
  async look(world: World): Promise<Violation[]> {
    const books = await readBooks(world.sql, this.#seen);
    this.#seen = books.seen;
    return [...books.violations, ...this.#compare(world, books)];
  }

  *#compare(world: World, books: Books): Generator<Violation> {
    const touched = new Set(books.orders.map(({ client }) => client));
    for (const row of books.orders) this.#rows.set(row.client, row);
    for (const client of this.#readExchange(world)) touched.add(client);
    for (const client of touched) {
      const row = this.#rows.get(client);
      if (row !== undefined) yield* this.#order(row, world);
      else yield wrong("exchange_order_has_a_row", client, "an order", "a row");
    }
    for (const trade of books.trades) yield* this.#trade(trade);
    for (const gate of books.gates) yield* this.#gate(gate);
    for (const [client, times] of world.posts) {
      if (times > 1) yield wrong("an_attempt_is_sent_once", client, times, 1);
    }
    for (const user of world.users) yield* ownCoins(user);
  }

  /** Reads what is new at the exchange since the last look; the ids of its new orders. */
  *#readExchange({ simulator }: World): Generator<string> {
    for (const [symbol, market] of simulator.state.markets) {
      for (let id = this.#seenOrders.get(symbol) ?? 1; id < market.nextOrderId; id++) {
        const order = market.orders.get(id);
        if (order === undefined) continue;
        this.#byClient.set(order.clientOrderId, [...this.#byClient.get(order.clientOrderId) ?? [], order]);
        yield order.clientOrderId;
      }
      this.#seenOrders.set(symbol, market.nextOrderId);
      const seenTrade = this.#seenTrades.get(symbol) ?? 0;
      const seenCount = market.executions.findLastIndex(({ tradeId }) => tradeId <= seenTrade) + 1;
      for (const one of market.executions.slice(seenCount)) {
        this.#executions.set(keyOf(one), [...this.#executions.get(keyOf(one)) ?? [], one]);
      }
      this.#seenTrades.set(symbol, market.nextTradeId - 1);
    }
  }

  #placed(row: OrderRow): readonly Order[] {
    return this.#byClient.get(row.client) ?? [];
  }

  *#order(row: OrderRow, world: World): Generator<Violation> {
    const placed = this.#placed(row);
    const order = placed[0];
    const subject = `${row.role} ${row.client} ${row.state}`;
    if (row.ahead_ms !== null && !(row.told_ms !== null && row.ahead_ms <= row.told_ms)) {
      yield wrong("permit_goes_by_a_measured_clock", subject, `${row.ahead_ms} ms`, `${row.told_ms} ms`);
    }
    if (placed.length > 1) yield wrong("one_exchange_order_per_intent", subject, placed.length, 1);
    const isAbsent = ["not_sent", "not_placed", "denied", "abandoned", "planned"].includes(row.state);
    const isRefused = row.state === "rejected";
    if (isAbsent && order !== undefined) {
      yield wrong("absent_is_absent", subject, order.status, "no such order");
    }
    if (isRefused && order !== undefined && (isOpen(order) || order.executed > 0n)) {
      yield wrong(
        "rejected_is_rejected",
        subject,
        `${order.status} ${formatShort(order.executed)}`,
        "nothing of it",
      );
    }
    if (order === undefined) {
      const isThere = !isAbsent && !isRefused && !["submitting", "unknown"].includes(row.state);
      if (isThere) yield wrong("accepted_is_there", subject, "no such order", row.state);
      return;
    }
    const filled = fixed(row.filled);
    if (filled > order.executed) {
      yield wrong("fills_are_real", subject, row.filled, formatShort(order.executed));
    }
    if (row.is_over && !isAbsent && !isRefused) {
      if (isOpen(order)) yield wrong("final_is_final", subject, order.status, "closed");
      if (filled !== order.executed) {
        yield wrong("no_fill_is_lost", subject, row.filled, formatShort(order.executed));
      }
    }
    yield* this.#timing(row, order, world);
  }

  /**
   * A permit is worth its window and not a moment more. The exchange sees it end later by what its clock has gone back
   * since it was measured, which nobody on our side can know.
   */
  *#timing(row: OrderRow, { createdAt }: Order, world: World): Generator<Violation> {
    const { client, permitted_ms, window_ms, ahead_ms } = row;
    if (permitted_ms === null || window_ms === null || ahead_ms === null || this.#timed.has(client)) return;
    this.#timed.add(client);
    const took = createdAt - permitted_ms;
    const wentBack = Math.max(0, ahead_ms - world.skewAt(createdAt));
    this.slowestMs = Math.max(this.slowestMs, took);
    if (took > window_ms) this.lateCount++;
    if (took > window_ms + wentBack) {
      yield wrong("permit_is_bounded_in_time", client, `${took} ms`, `${window_ms} + ${wentBack} ms`);
    }
  }

  *#trade(trade: TradeRow): Generator<Violation> {
    const subject = `${trade.client} trade ${trade.trade_id}`;
    const order = this.#byClient.get(trade.client)?.[0];
    const execution = order === undefined
      ? undefined
      : this.#executions.get(keyOf(order))?.find(({ tradeId }) => `${tradeId}` === trade.trade_id);
    if (execution === undefined) {
      yield wrong(
        "fill_is_an_execution",
        subject,
        `${trade.quantity} at ${trade.price}`,
        "no such execution of this order",
      );
      return;
    }
    const said = [trade.price, trade.quantity, trade.fee, trade.fee_asset].join(" ");
    const { price, quantity, commission, commissionAsset } = execution;
    const so = [formatShort(price), formatShort(quantity), formatShort(commission), commissionAsset].join(
      " ",
    );
    if (said !== so) yield wrong("fill_is_as_executed", subject, said, so);
  }

  /** No entry gets its permit under a halt: the audit log says in which order they came. */
  *#gate({ action, scopes, subject }: GateRow): Generator<Violation> {
    if (action === "trading_resumed") this.#stopped.delete(scopes[0]!);
    else if (action !== "order_submitting") this.#stopped.add(scopes[0]!);
    else {
      const over = scopes.filter((scope) => this.#stopped.has(scope));
      if (over.length > 0) yield wrong("no_permit_after_a_halt", subject, over.join(" "), "active");
    }
  }

  /**
   * Forgets orders that the exchange has forgotten and that ended alike on both sides. What is heard of one afterwards
   * contradicts, as of an order that nobody placed.
   */
  forget({ simulator: { state } }: World): void {
    for (const [client, orders] of this.#byClient) {
      const row = this.#rows.get(client);
      const isOver = row?.is_over === true && fixed(row.filled) === executedOf(orders);
      if (!isOver || orders.some((order) => findRef(state, order) !== null)) continue;
      for (const order of orders) this.#executions.delete(keyOf(order));
      this.#byClient.delete(client);
      this.#rows.delete(client);
      this.#timed.delete(client);
    }
  }

  /** Orders with executions that the database does not know of. */
  *lost(): Generator<Violation> {
    for (const row of this.#rows.values()) {
      const executed = executedOf(this.#placed(row));
      if (executed !== fixed(row.filled)) {
        yield wrong("no_fill_is_lost", row.client, row.filled, formatShort(executed));
      }
    }
  }
}

function keyOf({ symbol, orderId }: OrderRef): string {
  return `${symbol} ${orderId}`;
}

function executedOf(orders: readonly Order[]): Fixed {
  return orders.reduce((sum, { executed }) => sum + executed, 0n);
}

/** What the owner had before is free at all times: no order of ours locks it or sells it. */
function* ownCoins({ exchange, own }: LiveUser): Generator<Violation> {
  for (const [asset, amount] of own) {
    if (asset === "USDT" || asset === "BNB") continue;
    const free: Fixed = exchange.balances.get(asset)?.free ?? 0n;
    if (free < amount) {
      yield wrong(
        "owners_coins_are_untouched",
        `${exchange.id} ${asset}`,
        formatShort(free),
        formatShort(amount),
      );
    }
  }
}

export function wrong(invariant: string, subject: string, observed: unknown, expected: unknown): Violation {
  return { invariant, subject, observed: String(observed), expected: String(expected) };
}
