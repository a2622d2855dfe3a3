/** The emergency stop, as a person gives it and as it is recorded. */

/** What is to be stopped, how, and why. */
export interface StopWish {
  readonly scope: "trader" | "account" | "portfolio" | "user" | "everyone";
  /** The trader, exchange account, portfolio (all of a user's traders of one mode) or user; null: the caller, or everyone. */
  readonly id: string | null;
  readonly mode: "halt" | "halt_and_flatten";
  readonly reason: string;
  /** Makes a repeated call the same call; null: every call is its own. */
  readonly requestId: string | null;
}

/** A stop by the column names of the engine; times are ISO 8601. */
export interface StopRecord {
  readonly stop_id: string;
  readonly [field: string]: unknown;
}
