import type {
  ExchangeKey,
  FillsRequest,
  OrderName,
  OrderRequest,
  PairRequest,
  ReplaceRequest,
  SendWindow,
  VenueAnswer,
} from "../domain/venue.ts";

/** A call's credentials and its time: what every signed request needs. */
export interface Leave {
  readonly key: ExchangeKey;
  readonly window: SendWindow;
}

/**
 * A place that executes orders. Nothing here throws: what happened, or that nobody knows, is in the answer.
 *
 * A call that changes something is sent at most once, over a connection that no earlier request has used, and not at
 * all when its window is over. Questions may be asked again by the adapter itself, twice in a call and within its
 * deadline, but not where a limit was met; `facts.requests` says what that comes to.
 */
export interface Venue {
  /** Places one order. `accepted` brings `order`, with its fills where it traded at once. */
  submit(symbol: string, order: OrderRequest, leave: Leave): Promise<VenueAnswer>;
  /** Places a target and a stop of which one ends the other. `accepted` brings both in `orders`. */
  submitPair(symbol: string, pair: PairRequest, leave: Leave): Promise<VenueAnswer>;
  /** Ends an order by our id, with its list. `order_not_found`: it is not open, which proves nothing else. */
  cancel(symbol: string, clientOrderId: string, leave: Leave): Promise<VenueAnswer>;
  /**
   * Ends one order and places another. `accepted` brings `cancelled` and `order`; rejected with `cancel_failed` the
   * old one is as it was; with `replace_half_done` it is gone and nothing took its place.
   */
  replace(symbol: string, request: ReplaceRequest, leave: Leave): Promise<VenueAnswer>;
  /**
   * Whether an order would be let through by the symbol's filters and state. Nothing is placed; `accepted` does not
   * promise that it will be.
   */
  checkOrder(symbol: string, order: OrderRequest, leave: Leave): Promise<VenueAnswer>;
  /** Where an order stands, and what its other id is. `order_not_found` is not proof that there is none. */
  lookup(symbol: string, name: OrderName, leave: Leave): Promise<VenueAnswer>;
  /** Executions, oldest first, all of them. */
  fills(symbol: string, request: FillsRequest, leave: Leave): Promise<VenueAnswer>;
  /** Every open order, of one symbol or (null) of all. */
  openOrders(symbol: string | null, leave: Leave): Promise<VenueAnswer>;
  /** What the account holds, and whose it is. */
  balances(leave: Leave): Promise<VenueAnswer>;
  /** The exchange's clock. */
  serverTime(): Promise<VenueAnswer>;
}
