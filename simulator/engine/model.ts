import type { Fixed } from "../core/fixed.ts";
import type { Random } from "../core/random.ts";

export type Side = "BUY" | "SELL";
export type TimeInForce = "GTC" | "IOC" | "FOK";

export const ORDER_TYPES = [
  "LIMIT",
  "LIMIT_MAKER",
  "MARKET",
  "STOP_LOSS",
  "STOP_LOSS_LIMIT",
  "TAKE_PROFIT",
  "TAKE_PROFIT_LIMIT",
] as const;
export type OrderType = typeof ORDER_TYPES[number];

export const STP_MODES = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"] as const;
export type StpMode = typeof STP_MODES[number];

export const SYMBOL_STATUSES = ["TRADING", "HALT", "BREAK", "END_OF_DAY", "CANCEL_ONLY"] as const;
export type SymbolStatus = typeof SYMBOL_STATUSES[number];

export type OrderStatus =
  | "NEW"
  | "PENDING_NEW"
  | "PARTIALLY_FILLED"
  | "FILLED"
  | "CANCELED"
  | "EXPIRED"
  | "EXPIRED_IN_MATCH";

export type ExpiryReason =
  | "REJECTED"
  | "EXCHANGE_CANCELED"
  | "OCO_TRIGGER"
  | "OTO_PHASE_ONE_EXPIRED"
  | "UNFILLED_IOC_QUANTITY_EXPIRED"
  | "UNFILLED_FOK_ORDER_EXPIRED"
  | "INSUFFICIENT_LIQUIDITY";

/** An order as a client asks for it. Amounts that its type does not have are zero. */
export interface OrderDraft {
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quantity: Fixed;
  /** Of a MARKET order by value: how much of the quote asset to spend or receive. */
  readonly quoteQuantity: Fixed;
  readonly price: Fixed;
  readonly stopPrice: Fixed;
  readonly clientOrderId: string;
  readonly stpMode: StpMode;
}

/** What changes in an order's life, and what a lagging reader sees a former state of. */
export interface OrderProgress {
  status: OrderStatus;
  quantity: Fixed;
  clientOrderId: string;
  executed: Fixed;
  executedQuote: Fixed;
  /** When it entered the book; null: not yet. */
  workingAt: number | null;
  updatedAt: number;
  expiryReason: ExpiryReason | null;
  /** Quantity that self-trade prevention took away. */
  prevented: Fixed;
  preventedMatchId: number | null;
}

export interface Order extends OrderProgress {
  readonly symbol: string;
  readonly orderId: number;
  readonly accountId: string;
  /** −1: in no list. */
  readonly listId: number;
  readonly holdKey: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce;
  readonly quoteQuantity: Fixed;
  readonly price: Fixed;
  readonly stopPrice: Fixed;
  readonly stpMode: StpMode;
  readonly createdAt: number;
  /** What others have at the same price ahead of it in the queue. */
  queueAhead: Fixed;
  amendCount: number;
  /** How it traded first; null: not yet. */
  firstTradedAs: "maker" | "taker" | null;
  /** Readers see this order's changes so much later. */
  readonly readLagMs: number;
  readonly versions: OrderProgress[];
}

/** Where an order is. */
export interface OrderRef {
  readonly symbol: string;
  readonly orderId: number;
}

export interface OrderList {
  readonly listId: number;
  readonly accountId: string;
  readonly symbol: string;
  readonly contingencyType: "OCO" | "OTO";
  readonly listClientOrderId: string;
  readonly createdAt: number;
  isDone: boolean;
  /** Of an OTO or OTOCO: the order that must be filled before the others begin. */
  readonly workingId: number | null;
  /** The orders that exclude each other, or wait for the working one. */
  readonly legIds: readonly number[];
}

/** Money set aside for one order, or for a pair of which only one can execute. */
export interface Hold {
  readonly accountId: string;
  readonly asset: string;
  amount: Fixed;
  readonly orders: OrderRef[];
}

export interface Balance {
  free: Fixed;
  locked: Fixed;
}

export interface Account {
  readonly id: string;
  readonly uid: number;
  readonly balances: Map<string, Balance>;
  makerRate: Fixed;
  takerRate: Fixed;
  /** Commission is paid in BNB, with the discount, as long as there is enough. */
  paysFeesInBnb: boolean;
  canTrade: boolean;
  updatedAt: number;
  /** Its open orders by client order id. */
  readonly openOrders: Map<string, OrderRef>;
  readonly openLists: Set<number>;
  /** Orders that are closed, and that readers may still see open. */
  lateClosed: OrderRef[];
}

/** One account's side of a trade. */
export interface Execution {
  readonly symbol: string;
  readonly tradeId: number;
  readonly orderId: number;
  readonly listId: number;
  readonly accountId: string;
  readonly price: Fixed;
  readonly quantity: Fixed;
  readonly quote: Fixed;
  readonly commission: Fixed;
  readonly commissionAsset: string;
  readonly at: number;
  readonly isBuyer: boolean;
  readonly isMaker: boolean;
  readonly readLagMs: number;
}

/** A trade as everybody sees it. */
export interface PublicTrade {
  readonly id: number;
  readonly price: Fixed;
  readonly quantity: Fixed;
  readonly at: number;
  readonly isBuyerMaker: boolean;
}

export interface Level {
  readonly price: Fixed;
  quantity: Fixed;
}

export interface Candle {
  readonly openTime: number;
  open: Fixed;
  high: Fixed;
  low: Fixed;
  close: Fixed;
  volume: Fixed;
  quoteVolume: Fixed;
  tradeCount: number;
  takerBuyVolume: Fixed;
  takerBuyQuote: Fixed;
}

/** A filter as exchangeInfo lists it; amounts are text there and counts are numbers. */
export type Filter =
  & { readonly filterType: string }
  & Readonly<Record<string, Fixed | number | boolean | string>>;

export interface SymbolRules {
  readonly symbol: string;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  status: SymbolStatus;
  orderTypes: OrderType[];
  filters: Filter[];
  defaultStpMode: StpMode;
  stpModes: StpMode[];
}

export interface Market {
  readonly rules: SymbolRules;
  nextOrderId: number;
  nextTradeId: number;
  nextPreventedMatchId: number;
  lastUpdateId: number;
  readonly orders: Map<number, Order>;
  /** The newest order of each account and client order id. */
  readonly byClientId: Map<string, number>;
  /** Orders in the book, best first. */
  readonly working: Record<Side, number[]>;
  /** Orders that wait for their trigger, oldest first. */
  stops: number[];
  /** What everybody else offers, best first. */
  readonly outside: { bids: Level[]; asks: Level[] };
  /** Lists whose working order was filled: what waits for it begins. */
  readyLists: number[];
  lastPrice: Fixed;
  trades: PublicTrade[];
  executions: Execution[];
  /** One a minute, rising; minutes without a trade have none. */
  candles: Candle[];
  /** The same by the second. */
  seconds: Candle[];
}

export interface ExchangeState {
  readonly markets: Map<string, Market>;
  readonly accounts: Map<string, Account>;
  readonly lists: Map<number, OrderList>;
  readonly holds: Map<string, Hold>;
  nextListId: number;
  readonly exchangeFilters: Filter[];
  /** MAX_ASSET: the most of an asset that one order may move. */
  readonly assetCaps: Map<string, Fixed>;
  readonly random: Random;
  /** Which share of the new orders readers see late, and how late. */
  readLag: { probability: number; ms: number };
  /** What came from outside, by asset: deposits, and what the rest of the market gave or took. */
  readonly deposits: Map<string, Fixed>;
  readonly outsideFlow: Map<string, Fixed>;
  readonly fees: Map<string, Fixed>;
}
