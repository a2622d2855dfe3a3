import { formatFixed as text, formatShort, ONE } from "../core/fixed.ts";
import { BNB_DISCOUNT } from "../engine/commission.ts";
import { ordersOfList } from "../engine/lists.ts";
import type {
  Account,
  ExchangeState,
  Execution,
  Filter,
  Market,
  Order,
  OrderList,
  SymbolRules,
} from "../engine/model.ts";
import { isContingent } from "../engine/orders.ts";
import type { Json } from "./wire.ts";

export const RESPONSE_TYPES = ["ACK", "RESULT", "FULL"] as const;
export type ResponseType = typeof RESPONSE_TYPES[number];

/** Between an order's list and its last words, the same in every answer. */
function core(order: Order): Record<string, Json> {
  return {
    price: text(order.price),
    origQty: text(order.quantity),
    executedQty: text(order.executed),
    origQuoteOrderQty: text(order.quoteQuantity),
    cummulativeQuoteQty: text(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
  };
}

/** What only some orders have. */
function extras(order: Order): Record<string, Json> {
  return {
    ...(order.preventedMatchId === null ? {} : { preventedMatchId: order.preventedMatchId }),
    ...(order.prevented === 0n ? {} : { preventedQuantity: text(order.prevented) }),
    ...(order.expiryReason === null ? {} : { expiryReason: order.expiryReason }),
  };
}

function workingTime({ workingAt }: Order): number {
  return workingAt ?? -1;
}

/** The answer to a placement. */
export function placedOrder(market: Market, order: Order, type: ResponseType, at: number): Json {
  const ack = {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: order.listId,
    clientOrderId: order.clientOrderId,
    transactTime: at,
  };
  if (type === "ACK") return ack;
  const result = {
    ...ack,
    ...core(order),
    ...(isContingent(order) ? { stopPrice: text(order.stopPrice) } : {}),
    workingTime: workingTime(order),
    selfTradePreventionMode: order.stpMode,
    ...extras(order),
  };
  return type === "RESULT" ? result : { ...result, fills: fillsOf(market, order) };
}

function fillsOf({ executions }: Market, { orderId, executed, createdAt }: Order): Json[] {
  if (executed === 0n) return [];
  const before = executions.findLastIndex(({ at }) => at < createdAt);
  return executions.slice(before + 1).filter((it) => it.orderId === orderId).map((it) => ({
    price: text(it.price),
    qty: text(it.quantity),
    commission: text(it.commission),
    commissionAsset: it.commissionAsset,
    tradeId: it.tradeId,
  }));
}

/** The answer to a question. */
export function queriedOrder(order: Order): Json {
  const { price, origQty, executedQty, cummulativeQuoteQty, origQuoteOrderQty, ...kind } = core(order);
  return {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: order.listId,
    clientOrderId: order.clientOrderId,
    price: price!,
    origQty: origQty!,
    executedQty: executedQty!,
    cummulativeQuoteQty: cummulativeQuoteQty!,
    ...kind,
    stopPrice: text(order.stopPrice),
    icebergQty: text(0n),
    time: order.createdAt,
    updateTime: order.updatedAt,
    isWorking: order.workingAt !== null,
    workingTime: workingTime(order),
    origQuoteOrderQty: origQuoteOrderQty!,
    selfTradePreventionMode: order.stpMode,
    ...extras(order),
  };
}

/** The answer to a cancel; `clientOrderId` is the cancel's own. */
export function cancelledOrder(order: Order, cancelId: string, at: number): Json {
  return {
    symbol: order.symbol,
    origClientOrderId: order.clientOrderId,
    orderId: order.orderId,
    orderListId: order.listId,
    clientOrderId: cancelId,
    transactTime: at,
    ...core(order),
    ...(isContingent(order) ? { stopPrice: text(order.stopPrice) } : {}),
    selfTradePreventionMode: order.stpMode,
  };
}

/** The answer to an order's being made smaller: its amounts have other names here than anywhere else. */
export function amendedOrder(order: Order, formerId: string): Json {
  return {
    symbol: order.symbol,
    orderId: order.orderId,
    orderListId: order.listId,
    origClientOrderId: formerId,
    clientOrderId: order.clientOrderId,
    price: text(order.price),
    qty: text(order.quantity),
    executedQty: text(order.executed),
    preventedQty: text(order.prevented),
    quoteOrderQty: text(order.quoteQuantity),
    cumulativeQuoteQty: text(order.executedQuote),
    status: order.status,
    timeInForce: order.timeInForce,
    type: order.type,
    side: order.side,
    workingTime: workingTime(order),
    selfTradePreventionMode: order.stpMode,
  };
}

/** A list without its orders' states, as questions about it are answered. */
export function queriedList(state: ExchangeState, list: OrderList): Record<string, Json> {
  return {
    orderListId: list.listId,
    contingencyType: list.contingencyType,
    listStatusType: list.isDone ? "ALL_DONE" : "EXEC_STARTED",
    listOrderStatus: list.isDone ? "ALL_DONE" : "EXECUTING",
    listClientOrderId: list.listClientOrderId,
    transactionTime: list.createdAt,
    symbol: list.symbol,
    orders: ordersOfList(state, list).map(({ symbol, orderId, clientOrderId }) => ({
      symbol,
      orderId,
      clientOrderId,
    })),
  };
}

export function ownTrade(it: Execution): Json {
  return {
    symbol: it.symbol,
    id: it.tradeId,
    orderId: it.orderId,
    orderListId: it.listId,
    price: text(it.price),
    qty: text(it.quantity),
    quoteQty: text(it.quote),
    commission: text(it.commission),
    commissionAsset: it.commissionAsset,
    time: it.at,
    isBuyer: it.isBuyer,
    isMaker: it.isMaker,
    isBestMatch: true,
  };
}

/** What paying the commission in BNB saves. */
export function discountOf({ paysFeesInBnb }: Account): Json {
  return {
    enabledForAccount: paysFeesInBnb,
    enabledForSymbol: true,
    discountAsset: "BNB",
    discount: text(BNB_DISCOUNT),
  };
}

/** Rates in hundredths of a percent, as the old fields have them. */
export function accountInfo(account: Account, omitZero: boolean): Json {
  const basisPoints = (rate: bigint) => parseInt((rate * 10_000n / ONE).toString(), 10);
  const balances = [...account.balances]
    .filter(([, { free, locked }]) => !omitZero || free + locked > 0n)
    .map(([asset, { free, locked }]) => ({ asset, free: text(free), locked: text(locked) }));
  return {
    makerCommission: basisPoints(account.makerRate),
    takerCommission: basisPoints(account.takerRate),
    buyerCommission: 0,
    sellerCommission: 0,
    commissionRates: {
      maker: text(account.makerRate),
      taker: text(account.takerRate),
      buyer: text(0n),
      seller: text(0n),
    },
    canTrade: account.canTrade,
    canWithdraw: false,
    canDeposit: true,
    brokered: false,
    requireSelfTradePrevention: false,
    preventSor: false,
    updateTime: account.updatedAt,
    accountType: "SPOT",
    balances,
    permissions: ["SPOT"],
    uid: account.uid,
  };
}

export function filterInfo(filter: Filter): Json {
  const entries = Object.entries(filter).map(([field, value]) => {
    if (typeof value !== "bigint") return [field, value];
    return [field, /multiplier/i.test(field) ? formatShort(value) : text(value)];
  });
  return Object.fromEntries(entries);
}

export function symbolInfo(rules: SymbolRules, hasPermissionSets: boolean): Json {
  return {
    symbol: rules.symbol,
    status: rules.status,
    baseAsset: rules.baseAsset,
    baseAssetPrecision: 8,
    quoteAsset: rules.quoteAsset,
    quotePrecision: 8,
    quoteAssetPrecision: 8,
    baseCommissionPrecision: 8,
    quoteCommissionPrecision: 8,
    orderTypes: rules.orderTypes,
    icebergAllowed: false,
    ocoAllowed: true,
    otoAllowed: true,
    opoAllowed: false,
    quoteOrderQtyMarketAllowed: true,
    allowTrailingStop: false,
    cancelReplaceAllowed: true,
    amendAllowed: true,
    pegInstructionsAllowed: false,
    isSpotTradingAllowed: true,
    isMarginTradingAllowed: false,
    filters: rules.filters.map(filterInfo),
    permissions: [],
    permissionSets: hasPermissionSets ? [["SPOT"]] : [],
    defaultSelfTradePreventionMode: rules.defaultStpMode,
    allowedSelfTradePreventionModes: rules.stpModes,
  };
}
