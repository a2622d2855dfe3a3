/**
 * What a scenario may do and see, whatever venue executes: the AI's decisions, the owner's acts, the market's prices and
 * time go in; rows come out. It is the level users rely on, and the one at which paper and live have to be the same.
 */
import type { Limits, TraderSettings } from "../../scripts/lib/desk.ts";
import type { Rows } from "./rows.ts";

/** One price level: price in the quote asset, quantity in the base asset. */
export type Level = readonly [price: string, quantity: string];

/** Everybody else's offers, best first. */
export interface Book {
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  /** Best prices that the feed shows where a side is empty by now. */
  readonly shown?: readonly [bid: string, ask: string];
}

/** A trader that executes by itself. */
export interface Trader {
  readonly id: string;
  readonly userId: string;
}

export interface Hiring {
  /** USDT that the trader begins with. Of a colleague on one exchange account it is the colleague's. */
  readonly cash?: string;
  readonly settings?: TraderSettings;
  readonly limits?: Limits;
  /** Another trader of this one's owner. */
  readonly colleague?: Trader;
}

export type Levels = Readonly<Record<string, unknown>>;

/** See the top of the file. Acts return when they are committed; what follows from them happens in {@link settle}. */
export interface World extends AsyncDisposable {
  readonly venue: "paper" | "binance";
  hire(hiring?: Hiring): Promise<Trader>;
  /** A deep book with these best prices, and a trade at the bid. */
  price(symbol: string, bid: string, ask?: string): Promise<void>;
  /** Exactly this book, and a trade at its best bid (where there is none: at its best ask). */
  book(symbol: string, book: Book): Promise<void>;
  /** An `enter_trade` on a new signal; returns the signal's id. */
  decide(trader: Trader, symbol: string, levels: Levels): Promise<string>;
  /** Another decision on a signal: the same again under its own key, a further one, or a withdrawal. */
  decideAgain(signalId: string, decision: "enter_trade" | "wait", levels?: Levels): Promise<void>;
  /** The owner sells all of a signal's position, or a quantity of the base asset. */
  close(signalId: string, quantity?: string): Promise<void>;
  cancelEntry(signalId: string): Promise<void>;
  stop(trader: Trader, mode: "halt" | "halt_and_flatten"): Promise<void>;
  resume(trader: Trader): Promise<void>;
  /** What the exchange says about a symbol from now on, and what the engine has read of it. */
  setStatus(symbol: string, status: "TRADING" | "HALT"): Promise<void>;
  /** Works until nothing is due. */
  settle(): Promise<void>;
  /** Time goes by, with the sweeps and the work that come due in it. */
  pass(ms: number): Promise<void>;
  /** What the traders of this scene have left behind so far. */
  rows(): Promise<Rows>;
  /** A scene of its own, with the opening's market and none of the earlier traders; nothing of theirs is open any more. */
  begin(): Promise<void>;
  /** Sells and cancels what this scene's traders left open. */
  end(): Promise<void>;
}

/** Symbols that every world lists, with the prices that it opens at. */
export const OPENING: Readonly<Record<string, readonly [bid: string, ask: string]>> = {
  BTCUSDT: ["60000", "60010"],
  ETHUSDT: ["3000", "3001"],
};
/** Noon, far from the day's end: a day's loss is one day's. */
export const OPENS_AT = Date.UTC(2026, 10, 22, 12);
/** Between two scenes: request budgets are full again. */
export const INTERMISSION_MS = 60_000;
/** How often the sweep runs. */
export const SWEEP_MS = 2_000;
/** More than any scenario takes. */
export const DEEP = "1000";
export const DEFAULT_CASH = "10000";
export const DEFAULT_LIMITS: Limits = {
  max_position_quote: 5_000,
  max_exposure_quote: 20_000,
  max_open_positions: 20,
};
