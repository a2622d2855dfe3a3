/**
 * What is asked of a venue and what it answers, in words of our own.
 *
 * Prices and quantities are decimal strings; amounts are in the quote asset, quantities in the base asset. Times are
 * milliseconds since the epoch, UTC, as integers, by the clock that each field names.
 */

/** The exchange's side of an order. */
export type Side = "BUY" | "SELL";

/** What an order is, in the exchange's terms. */
export type OrderType = "MARKET" | "LIMIT" | "LIMIT_MAKER" | "STOP_LOSS" | "STOP_LOSS_LIMIT";

/** How long an order stands. */
export type TimeInForce = "GTC" | "IOC" | "FOK";

/** An order to be placed. Which fields a type needs is `binance`'s table: price for limits, trigger for stops. */
export interface OrderRequest {
  readonly clientOrderId: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly timeInForce: TimeInForce | null;
  readonly quantity: string;
  readonly price: string | null;
  readonly triggerPrice: string | null;
}

/** A target and a stop that sell the same coins: one ends the other (an OCO list that sells). */
export interface PairRequest {
  readonly listClientOrderId: string;
  readonly quantity: string;
  readonly target: { readonly clientOrderId: string; readonly price: string };
  /** With a price the stop becomes a limit order when it triggers, without one a market order. */
  readonly stop: {
    readonly clientOrderId: string;
    readonly triggerPrice: string;
    readonly price: string | null;
  };
}

/** Ends an order (the whole list, where it is a leg) and places another one in its place, or does neither. */
export interface ReplaceRequest {
  readonly cancelClientOrderId: string;
  readonly order: OrderRequest;
}

/** An order by our id, or by the exchange's: two orders may carry one id of ours, when a network delivered it twice. */
export type OrderName = { readonly clientOrderId: string } | { readonly exchangeOrderId: string };

/** Which fills are wanted: those of one order, or the account's in a symbol since a moment (exchange's clock). */
export type FillsRequest = { readonly exchangeOrderId: string } | { readonly sinceMs: number };

/** What a request is signed with: the exchange refuses one that arrives later than `recvWindowMs` after its timestamp. */
export interface SignedWindow {
  /** Exchange's time that the request is stamped with. */
  readonly timestampMs: number;
  readonly recvWindowMs: number;
}

/** When a call may leave. */
export interface SendWindow extends SignedWindow {
  /**
   * The end of its window by the worker's monotonic clock: later than this it is dropped unsent. A moment and not a
   * duration, so that a worker that is held up anywhere before the send loses that time.
   */
  readonly leaveByMs: number;
}

/** A key of an exchange account, for the length of one call. Never logged, never stored, never part of an error. */
export interface ExchangeKey {
  readonly apiKey: string;
  readonly secret: string;
}

/** A key that was opened for a call. */
export interface OpenedKey {
  readonly key: ExchangeKey;
  /** What was left of the call's window when it was opened (ms). */
  readonly sendWithinMs: number;
}

/** Where an order stands at the venue, in the engine's words. */
export type VenueStatus = "working" | "partially_filled" | "filled" | "cancelled" | "expired" | "rejected";

/** One execution. `value` is the quote amount as the venue reports it. */
export interface Fill {
  readonly tradeId: string;
  readonly exchangeOrderId: string;
  readonly price: string;
  readonly quantity: string;
  readonly value: string;
  readonly fee: string;
  readonly feeAsset: string;
  readonly isMaker: boolean;
  readonly side: Side;
  readonly executedAtMs: number;
}

/** What the venue says about one order. */
export interface OrderReport {
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly exchangeOrderId: string;
  /** The exchange's id of the list that it is a leg of. */
  readonly listId: string | null;
  readonly side: Side;
  readonly type: string;
  readonly status: VenueStatus;
  readonly quantity: string;
  readonly executedQuantity: string;
  readonly price: string | null;
  readonly triggerPrice: string | null;
  /** Why it expired, in the exchange's word, where it says so. */
  readonly expiryReason: string | null;
  readonly updatedAtMs: number;
  /** Its executions where the answer brought them along; null: they have to be asked for. */
  readonly fills: readonly Fill[] | null;
}

/** An order of which no more can be read than whose it is: of a kind or in a state that is not known here. */
export interface UnreadOrder {
  readonly symbol: string;
  readonly clientOrderId: string;
  readonly exchangeOrderId: string;
}

/** What an account holds of one asset. */
export interface Balance {
  readonly asset: string;
  readonly free: string;
  readonly locked: string;
}

/**
 * How a call ended.
 * - `accepted`: the venue did it, or answered the question.
 * - `rejected`: the venue refused this request, and nothing of it was done.
 * - `not_sent`: proven that no byte of it left.
 * - `unknown`: everything else. Never taken for one of the others.
 */
export type Outcome = "accepted" | "rejected" | "not_sent" | "unknown";

/** Why a call was not accepted: stable words, one for each way on. */
export type Reason =
  | "insufficient_funds"
  | "filter_failed"
  | "would_trigger_at_once"
  | "duplicate_order"
  | "too_many_orders"
  | "symbol_not_trading"
  | "not_permitted"
  | "order_not_found"
  | "cancel_failed"
  | "replace_half_done"
  | "key_refused"
  | "key_unavailable"
  | "clock_skewed"
  | "rate_limited"
  | "banned"
  | "bad_request"
  | "turned_away"
  | "refused"
  | "window_over"
  | "unreachable"
  | "no_answer"
  | "venue_error"
  | "malformed_answer";

/**
 * What is known about the exchange of messages itself: of a call's last request, where it took several. Holds no secret.
 */
export interface CallFacts {
  /** Requests that left, or may have: each costs the weight of its endpoint. */
  readonly requests: number;
  readonly httpStatus: number | null;
  readonly usedWeight: number | null;
  readonly orderCount10s: number | null;
  readonly retryAfterMs: number | null;
  /** When the request left, by this machine's clock; null when it did not. */
  readonly sentAtMs: number | null;
  readonly elapsedMs: number;
  /** The answer's body, cut to 2,000 characters. */
  readonly body: string | null;
}

/** The facts of a call of which nothing left. */
export const NO_FACTS: CallFacts = {
  requests: 0,
  httpStatus: null,
  usedWeight: null,
  orderCount10s: null,
  retryAfterMs: null,
  sentAtMs: null,
  elapsedMs: 0,
  body: null,
};

/** The answer to any call; which of the optional fields are there depends on what was asked. */
export interface VenueAnswer {
  readonly outcome: Outcome;
  readonly reason: Reason | null;
  /** The exchange's own error code (negative) and words. */
  readonly code: number | null;
  readonly message: string | null;
  /** The order that was placed, cancelled or asked about. */
  readonly order?: OrderReport;
  /** Both legs of a pair; all open orders. */
  readonly orders?: readonly OrderReport[];
  /** Open orders besides those in `orders`. */
  readonly unreadOrders?: readonly UnreadOrder[];
  /** What a replacement ended: there also when the new order was refused (`replace_half_done`). */
  readonly cancelled?: OrderReport;
  readonly fills?: readonly Fill[];
  readonly balances?: readonly Balance[];
  /** The exchange's id of the account, and whether its key may trade. */
  readonly account?: { readonly uid: string; readonly canTrade: boolean };
  /** The exchange's clock. */
  readonly serverTimeMs?: number;
  readonly facts: CallFacts;
}
