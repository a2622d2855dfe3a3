/**
 * Binance's answers, read strictly: what is needed must be there and mean one thing, what is new is passed over.
 * Amounts and ids may be text or numbers, as long as no digit can have been lost.
 */
import { Decimal } from "decimal.js";
import { z } from "zod";
import type {
  Balance,
  Fill,
  OrderName,
  OrderReport,
  Side,
  UnreadOrder,
  VenueStatus,
} from "../../domain/venue.ts";

/** Digits that a JSON number keeps for certain. */
const SAFE_DIGITS = 15;
const DECIMAL = /^\d{1,30}(\.\d{1,18})?$/;

const amount = z.union([z.string(), z.number()]).transform((value, context): string => {
  const text = String(value);
  const isWhole = typeof value === "string" || text.replace(".", "").length <= SAFE_DIGITS;
  if (DECIMAL.test(text) && isWhole) return text;
  context.addIssue({ code: "custom", message: "is not an exact decimal" });
  return z.NEVER;
});
const positiveOrNull = amount.nullish().transform((value) =>
  value === undefined || value === null || new Decimal(value).isZero() ? null : value
);
const id = z.union([z.string().regex(/^\d{1,30}$/), z.number().int().nonnegative()]).transform(String);
/** -1 stands for none. */
const listId = z.union([z.string().regex(/^(-1|\d{1,30})$/), z.number().int().min(-1)]).transform((value) =>
  String(value) === "-1" ? null : String(value)
);
/** Milliseconds: more digits would be microseconds, which a header asks for that is not sent. */
const time = z.union([z.string(), z.number()]).transform(String).pipe(
  z.string().regex(/^\d{12,14}$/).transform(Number),
);
const clientId = z.string().min(1).max(100);
const side = z.enum(["BUY", "SELL"]);

/** A stop that waits for its trigger, and a leg that waits for another, are at work for us. */
const STATUSES = {
  NEW: "working",
  PENDING_NEW: "working",
  PARTIALLY_FILLED: "partially_filled",
  FILLED: "filled",
  CANCELED: "cancelled",
  EXPIRED: "expired",
  EXPIRED_IN_MATCH: "expired",
  REJECTED: "rejected",
} as const satisfies Readonly<Record<string, VenueStatus>>;
const status = z.enum(Object.keys(STATUSES) as (keyof typeof STATUSES)[]);

/** A fill in the answer to a placement: without its order, which is the answer itself. */
const ownFill = z.object({
  price: amount,
  qty: amount,
  commission: amount,
  commissionAsset: z.string().min(1),
  tradeId: id,
});

const order = z.object({
  symbol: z.string().min(1),
  orderId: id,
  orderListId: listId.nullish(),
  clientOrderId: clientId,
  origClientOrderId: clientId.nullish(),
  side,
  type: z.string().min(1),
  status,
  origQty: amount,
  executedQty: amount,
  cummulativeQuoteQty: amount.nullish().catch(null),
  price: positiveOrNull,
  stopPrice: positiveOrNull,
  expiryReason: z.string().nullish(),
  transactTime: time.nullish(),
  updateTime: time.nullish(),
  fills: z.array(ownFill).nullish(),
}).transform((row, context): OrderReport => {
  const updatedAtMs = row.updateTime ?? row.transactTime;
  if (updatedAtMs === undefined || updatedAtMs === null) {
    context.addIssue({ code: "custom", message: "has no time", path: ["updateTime"] });
    return z.NEVER;
  }
  if (new Decimal(row.executedQty).gt(row.origQty)) {
    context.addIssue({ code: "custom", message: "is more than was ordered", path: ["executedQty"] });
    return z.NEVER;
  }
  return {
    symbol: row.symbol,
    // In the answer to a cancel `clientOrderId` is the cancel's own.
    clientOrderId: row.origClientOrderId ?? row.clientOrderId,
    exchangeOrderId: row.orderId,
    listId: row.orderListId ?? null,
    side: row.side,
    type: row.type,
    status: STATUSES[row.status],
    quantity: row.origQty,
    executedQuantity: row.executedQty,
    price: row.price,
    triggerPrice: row.stopPrice,
    // What another order of the account ended has no reason besides its status.
    expiryReason: row.expiryReason ?? (row.status === "EXPIRED_IN_MATCH" ? row.status : null),
    updatedAtMs,
    fills: row.fills ? fillsOf(row.fills, row, updatedAtMs) : null,
  };
});

/** Places that Binance keeps of an amount in the quote asset. */
const QUOTE_PLACES = 8;
const Exact = Decimal.clone({ precision: 100 });

interface Executed {
  readonly orderId: string;
  readonly side: Side;
  readonly executedQty: string;
  readonly cummulativeQuoteQty?: string | null | undefined;
}

/**
 * The fills of a placement, where the answer tells all about them; otherwise null, and they have to be asked for. They
 * must add up to what was executed, and no value may have been rounded, for each is recorded as the exchange has it.
 * An order that is filled at once takes what rests: it is the taker.
 */
function fillsOf(
  fills: readonly z.infer<typeof ownFill>[],
  { orderId, side, executedQty, cummulativeQuoteQty }: Executed,
  executedAtMs: number,
): Fill[] | null {
  const values = fills.map(({ price, qty }) => new Exact(price).times(qty));
  const isWhole = sumOf(fills.map(({ qty }) => qty)).eq(executedQty) &&
    values.every((value) => value.decimalPlaces() <= QUOTE_PLACES) &&
    sumOf(values).eq(cummulativeQuoteQty ?? 0);
  if (!isWhole) return null;
  return fills.map((fill, index) => ({
    tradeId: fill.tradeId,
    exchangeOrderId: orderId,
    price: fill.price,
    quantity: fill.qty,
    value: values[index]!.toFixed(),
    fee: fill.commission,
    feeAsset: fill.commissionAsset,
    isMaker: false,
    side,
    executedAtMs,
  }));
}

function sumOf(amounts: readonly Decimal.Value[]): Decimal {
  return amounts.reduce<Decimal>((total, each) => total.plus(each), new Exact(0));
}

const trade = z.object({
  symbol: z.string(),
  id,
  orderId: id,
  price: amount,
  qty: amount,
  quoteQty: amount,
  commission: amount,
  commissionAsset: z.string().min(1),
  time,
  isBuyer: z.boolean(),
  isMaker: z.boolean(),
});

const list = z.object({ orderListId: id, symbol: z.string(), orderReports: z.array(order) });
const cancelled = z.union([
  list.transform(({ orderReports }) => orderReports),
  order.transform((one) => [one]),
]);
const halves = z.object({
  cancelResult: z.enum(["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]),
  newOrderResult: z.enum(["SUCCESS", "FAILURE", "NOT_ATTEMPTED"]),
  cancelResponse: z.unknown(),
  newOrderResponse: z.unknown(),
});
const refusal = z.object({
  code: z.union([z.number().int(), z.string().regex(/^-?\d{1,6}$/).transform(Number)]),
  msg: z.string().nullish(),
});
const account = z.object({
  uid: id,
  canTrade: z.boolean(),
  balances: z.array(z.object({ asset: z.string().min(1), free: amount, locked: amount })),
});
const serverTime = z.object({ serverTime: time });

/** The answer is of the documented shape and yet not about what was asked. */
export class AnswerMismatch extends Error {
  override readonly name = "AnswerMismatch";
}

/** The answer to a question about one order. Throws when it is about another order. */
export function readOrder(json: unknown, symbol: string, name: OrderName): OrderReport {
  const found = order.parse(json);
  if ("clientOrderId" in name) return pick([found], symbol, name.clientOrderId);
  const isSame = found.exchangeOrderId === name.exchangeOrderId && found.symbol === symbol;
  if (!isSame) throw new AnswerMismatch("the answer is about another order");
  return found;
}

/** The answer to a placement. Throws when it is about another order, or one that goes the other way. */
export function readPlaced(json: unknown, symbol: string, { clientOrderId, side }: Placed): OrderReport {
  return toSide(readOrder(json, symbol, { clientOrderId }), side);
}

interface Placed {
  readonly clientOrderId: string;
  readonly side: Side;
}

/** The answer to a cancel: the order, or the whole list that it was a leg of. */
export function readCancelled(json: unknown, symbol: string, clientOrderId: string): OrderReport {
  return pick(cancelled.parse(json), symbol, clientOrderId);
}

/** The legs of a list that sells, in the order of the ids. */
export function readList(json: unknown, symbol: string, clientOrderIds: readonly string[]): OrderReport[] {
  const { orderReports } = list.parse(json);
  return clientOrderIds.map((each) => toSide(pick(orderReports, symbol, each), "SELL"));
}

const unread = z.object({ symbol: z.string().min(1), orderId: id, clientOrderId: clientId }).transform((
  row,
) => ({
  symbol: row.symbol,
  clientOrderId: row.clientOrderId,
  exchangeOrderId: row.orderId,
}));

/** Open orders. The owner's own may be of any kind: one that cannot be read does not hide the others. */
export function readOpenOrders(
  json: unknown,
): { readonly orders: readonly OrderReport[]; readonly unreadOrders: readonly UnreadOrder[] } {
  const orders: OrderReport[] = [];
  const unreadOrders: UnreadOrder[] = [];
  for (const row of z.array(z.unknown()).parse(json)) {
    const { success, data } = order.safeParse(row);
    if (success) orders.push(data);
    else unreadOrders.push(unread.parse(row));
  }
  return { orders, unreadOrders };
}

function pick(orders: readonly OrderReport[], symbol: string, clientOrderId: string): OrderReport {
  const found = orders.find((each) => each.clientOrderId === clientOrderId && each.symbol === symbol);
  if (found === undefined) throw new AnswerMismatch("the answer is about another order");
  return found;
}

function toSide(report: OrderReport, side: Side): OrderReport {
  if (report.side !== side) throw new AnswerMismatch("the answer is about an order of the other side");
  return report;
}

/** What became of each half of a replacement. */
export type Halves = z.infer<typeof halves>;

export function readHalves(json: unknown): Halves {
  return halves.parse(json);
}

/** Code and words of a refusal; a code that is not negative is none. */
export function readRefusal(
  json: unknown,
): { readonly code: number | null; readonly message: string | null } {
  const parsed = refusal.safeParse(json);
  if (!parsed.success) return { code: null, message: null };
  const { code, msg } = parsed.data;
  return { code: code < 0 ? code : null, message: msg ?? null };
}

/** `myTrades`, ascending. */
export function readFills(json: unknown, symbol: string): Fill[] {
  return z.array(trade).parse(json).map((row): Fill => {
    if (row.symbol !== symbol) throw new AnswerMismatch("the answer is about another symbol");
    return {
      tradeId: row.id,
      exchangeOrderId: row.orderId,
      price: row.price,
      quantity: row.qty,
      value: row.quoteQty,
      fee: row.commission,
      feeAsset: row.commissionAsset,
      isMaker: row.isMaker,
      side: row.isBuyer ? "BUY" : "SELL",
      executedAtMs: row.time,
    };
  });
}

export function readAccount(json: unknown): { uid: string; canTrade: boolean; balances: Balance[] } {
  return account.parse(json);
}

export function readServerTime(json: unknown): number {
  return serverTime.parse(json).serverTime;
}
