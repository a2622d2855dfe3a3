/** The one table of what Binance's answers mean for the request they answer. */
import type { Outcome, Reason } from "../../domain/venue.ts";
import type { Asked } from "../../domain/venue_call.ts";

export type Action = Asked["action"];

/** What is judged. `code` is the exchange's negative error code, null where the body has none. */
export interface Refusal {
  readonly status: number;
  readonly code: number | null;
  readonly message: string;
}

/** How a call ended, and why it was not accepted. */
export interface Verdict {
  readonly outcome: Exclude<Outcome, "accepted">;
  readonly reason: Reason;
}

/** What an answer must have for the row to fit; what is absent may be anything. */
export interface OutcomeRow extends Verdict {
  /** Inclusive. A row with codes and without statuses fits those of 400 to 499: only they say whose fault it was. */
  readonly statuses?: readonly [from: number, to: number];
  /** Null: an answer without a code. */
  readonly codes?: readonly number[] | null;
  readonly text?: RegExp;
  /** Calls for which the code can mean this. */
  readonly actions?: readonly Action[];
}

const rejected = (reason: Reason, fit: Omit<OutcomeRow, keyof Verdict>): OutcomeRow => ({
  outcome: "rejected",
  reason,
  ...fit,
});
const unknown = (fit: Omit<OutcomeRow, keyof Verdict>): OutcomeRow => ({
  outcome: "unknown",
  reason: "venue_error",
  ...fit,
});

const CLIENT_ERRORS = [400, 499] as const;
/** Codes under which the words decide: filters, the matching engine's refusals, and its errors passed on. */
const WORDED = [-1010, -1013, -2010, -2011];
/** Calls that end an order. Only for them does the matching engine's word prove that it is not open. */
const ENDING: readonly Action[] = ["cancel", "replace"];

/**
 * The first row that fits decides. Sources: Binance's REST documentation ("HTTP Return Codes", "Error codes for
 * Binance"), which promises that 4xx, 418 and 429 were not executed and leaves 5xx open; CCXT's table of exceptions
 * for undocumented codes. What fits no row is unknown.
 */
export const OUTCOMES: readonly OutcomeRow[] = [
  rejected("banned", { statuses: [418, 418] }),
  rejected("rate_limited", { statuses: [429, 429] }),
  unknown({ statuses: [500, 599] }),
  unknown({ codes: [-1000, -1001, -1004, -1006, -1007, -1008] }),
  // The firewall's page, or a country's law, comes before anything of the exchange: no word about order or key.
  rejected("turned_away", { statuses: [403, 403], codes: null }),
  rejected("turned_away", { statuses: [451, 451], codes: null }),
  rejected("not_permitted", { statuses: [451, 451] }),

  rejected("rate_limited", { codes: [-1003, -1015] }),
  rejected("clock_skewed", { codes: [-1021] }),
  rejected("key_refused", { codes: [-1022, -1099, -2008, -2014, -2015] }),
  rejected("not_permitted", { codes: [-1002] }),
  rejected("symbol_not_trading", { codes: [-1121] }),

  rejected("insufficient_funds", { codes: WORDED, text: /insufficient balance/i }),
  rejected("would_trigger_at_once", { codes: WORDED, text: /would (trigger|immediately match)/i }),
  // Of a list that sells: the last price is beyond its target or below its stop by now.
  rejected("would_trigger_at_once", { codes: WORDED, text: /relationship of the prices/i }),
  rejected("duplicate_order", { codes: WORDED, text: /duplicate order/i }),
  rejected("too_many_orders", { codes: WORDED, text: /filter failure: (exchange_)?max_num_/i }),
  rejected("filter_failed", { codes: WORDED, text: /filter failure|invalid (quantity|price)/i }),
  rejected("symbol_not_trading", { codes: WORDED, text: /market is closed|trading phase|for this phase/i }),
  rejected("not_permitted", {
    codes: WORDED,
    text: /for this account|this account may not|not enabled|disabled on this account/i,
  }),
  rejected("order_not_found", { codes: [-2011], text: /unknown order sent/i, actions: ENDING }),
  rejected("refused", { codes: [-2010] }),
  rejected("bad_request", { codes: [-1013] }),
  // Not a word about whether the order is there: restrictions, or ids that do not belong together.
  rejected("refused", { codes: [-2011], actions: ENDING }),

  // -2026: it ended long ago without a fill, and was put away.
  rejected("order_not_found", { codes: [-2013, -2026], actions: ["lookup"] }),
  rejected("filter_failed", { codes: [-1111] }),
  rejected("refused", { codes: [-1016, -1020, -1112] }),
  rejected("bad_request", {
    codes: [
      ...[
        -1014,
        -1100,
        -1101,
        -1102,
        -1103,
        -1104,
        -1105,
        -1106,
        -1108,
        -1114,
        -1115,
        -1116,
        -1117,
        -1118,
        -1119,
      ],
      ...[
        -1120,
        -1122,
        -1127,
        -1128,
        -1130,
        -1131,
        -1134,
        -1135,
        -1145,
        -1151,
        -1158,
        -1159,
        -1160,
        -1165,
        -1166,
      ],
      ...[-1168, -1196, -1197, -1198, -1199, -1210, -1211, -1220, -1222, -1223, -1224, -1225],
    ],
  }),
];

const NOBODY_KNOWS: Verdict = { outcome: "unknown", reason: "venue_error" };

/** The row that decides, if there is one. */
export function rowFor(refusal: Refusal, action: Action): OutcomeRow | undefined {
  return OUTCOMES.find((each) => fits(each, refusal, action));
}

/** What a refusal means for the call that met it. */
export function judge(refusal: Refusal, action: Action): Verdict {
  const row = rowFor(refusal, action);
  return row === undefined ? NOBODY_KNOWS : { outcome: row.outcome, reason: row.reason };
}

function fits(row: OutcomeRow, { status, code, message }: Refusal, action: Action): boolean {
  const [from, to] = row.statuses ?? CLIENT_ERRORS;
  if (status < from || status > to) return false;
  if (row.codes === null && code !== null) return false;
  if (row.codes && (code === null || !row.codes.includes(code))) return false;
  return (row.text?.test(message) ?? true) && (row.actions?.includes(action) ?? true);
}
