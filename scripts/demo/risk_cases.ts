/** Every entry rule with a cause that trips it, as it happens to real desks. */
import { Decimal } from "decimal.js";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { Limits, TraderSettings } from "../lib/desk.ts";
import type { ExchangeMoment } from "./risk_exchange.ts";

/** One desk of a user of its own, what it does, and what the engine must say to it. */
export interface RiskCase {
  readonly rule: string;
  /** The code of the rule's row; the same as the rule where it is left out. */
  readonly code?: string;
  readonly settings?: TraderSettings;
  /** Limits of the trader besides wide ones; null: it has none. */
  readonly limits?: Limits | null;
  /** Account-wide limits. */
  readonly all?: Limits;
  /** An entry before: held on, or stopped out by the market at so many percent below it. */
  readonly before?: { readonly stopPercent: number; readonly isStopped: boolean };
  /** Limits that the user sets after that. */
  readonly thenLimits?: Limits;
  readonly thenAll?: Limits;
  /** The entry that is refused: its levels, where they are not good ones. */
  readonly levels?: (quote: Quote) => Record<string, unknown>;
  readonly confidence?: number;
  /** Another symbol than the market's first. */
  readonly symbol?: string;
  readonly decidedAgoMs?: number;
  /** A moment with something special about it. */
  readonly moment?: "no tier" | "paused" | "stale market" | "stale holding" | ExchangeMoment;
}

/** Limits wide enough not to be met by accident. */
export const WIDE: Limits = {
  max_position_quote: 1_000,
  max_exposure_quote: 10_000,
  max_open_positions: 100,
  min_position_quote: 1,
};

/** Symbols that are listed beside the market's own, each with something wrong. */
export const ODD_SYMBOLS = {
  halted: "XRPUSDT",
  priceless: "TRXUSDT",
  inBitcoin: "ETHBTC",
  unlisted: "GONEUSDT",
} as const;

const STOPPED = { stopPercent: 0.1, isStopped: true };
const HELD = { stopPercent: 30, isStopped: false };
/** A position of 100 USDT stopped at 0.1 % loses more than this, by its fees alone. */
const LESS_THAN_A_STOP = 0.2;

/** `percent` above (negative: below) the ask. */
export function away(quote: Quote, percent: number): string {
  return new Decimal(quote.ask).mul(100 + percent).div(100).toDecimalPlaces(8).toFixed();
}

/** Levels that nothing is wrong with. */
export function goodLevels(quote: Quote): Record<string, unknown> {
  return { entry: quote.ask, stopLoss: away(quote, -2), takeProfit: [away(quote, 8)] };
}

const withLevels = (change: (quote: Quote) => Record<string, unknown>) => (quote: Quote) => ({
  ...goodLevels(quote),
  ...change(quote),
});

const LIVE = { paper_trade_mode: false };

const STANDING: readonly RiskCase[] = [
  { rule: "venue", code: "live_not_available", settings: LIVE },
  { rule: "stage", code: "stage_forbids_live", settings: LIVE, moment: "stage taken away" },
  { rule: "quarantine", code: "symbol_quarantined", settings: LIVE, moment: "set aside" },
  { rule: "trader_enabled", code: "trader_disabled", settings: { enabled: false } },
  { rule: "auto_execute", code: "auto_execute_off", settings: { auto_execute_trades: false } },
  { rule: "tier", code: "tier_required", moment: "no tier" },
  { rule: "limits_present", code: "no_risk_limits", limits: null },
  { rule: "trading_state", code: "trading_not_active", moment: "paused" },
  { rule: "lock", code: "cooldown", limits: { cooldown_seconds: 86_400 }, before: STOPPED },
  {
    rule: "lock",
    code: "stop_guard",
    limits: { stop_guard_count: 1, stop_guard_window_seconds: 86_400, stop_guard_pause_seconds: 86_400 },
    before: STOPPED,
  },
  {
    rule: "lock",
    code: "low_profit",
    limits: {
      low_profit_trades: 1,
      low_profit_window_seconds: 86_400,
      low_profit_min_quote: 1,
      low_profit_pause_seconds: 86_400,
    },
    before: STOPPED,
  },
  { rule: "consecutive_losses", limits: { max_consecutive_losses: 1 }, before: STOPPED },
  { rule: "consecutive_losses_all", all: { max_consecutive_losses: 1 }, before: STOPPED },
  { rule: "order_interval", limits: { min_order_interval_seconds: 86_400 }, before: HELD },
  { rule: "order_interval_all", all: { min_order_interval_seconds: 86_400 }, before: HELD },
];

const DECISION: readonly RiskCase[] = [
  { rule: "side", code: "short_not_supported", levels: withLevels(() => ({ side: "short" })) },
  { rule: "confidence", code: "confidence_invalid", confidence: 150 },
  { rule: "min_confidence", code: "confidence_too_low", limits: { min_confidence: 90 }, confidence: 60 },
  { rule: "symbol_known", code: "symbol_unknown", symbol: ODD_SYMBOLS.unlisted },
  { rule: "quote_asset", code: "quote_asset_not_usdt", symbol: ODD_SYMBOLS.inBitcoin },
  { rule: "symbol_status", code: "symbol_not_trading", symbol: ODD_SYMBOLS.halted },
  {
    rule: "price_present",
    code: "price_missing",
    symbol: ODD_SYMBOLS.priceless,
    settings: { signal_ttl_seconds: 1 },
  },
  { rule: "price_age", code: "price_stale", settings: { signal_ttl_seconds: 1 }, moment: "stale market" },
  {
    rule: "held_price_age",
    code: "held_price_stale",
    settings: { signal_ttl_seconds: 1 },
    limits: { max_daily_loss_quote: 500 },
    before: HELD,
    moment: "stale holding",
  },
  { rule: "signal_age", code: "signal_stale", decidedAgoMs: 3_600_000 },
  { rule: "spread", code: "spread_too_wide", limits: { max_spread_percent: 0.0000001 } },
  { rule: "levels", code: "levels_invalid", levels: withLevels(() => ({ stopLoss: "below the last low" })) },
  {
    rule: "entry_price",
    code: "entry_price_missing",
    settings: { entry_order_type: "limit" },
    levels: withLevels(() => ({ entry: null })),
  },
  { rule: "stop_present", code: "stop_missing", levels: withLevels(() => ({ stopLoss: null })) },
  { rule: "stop_side", code: "stop_not_below_entry", levels: withLevels((q) => ({ stopLoss: away(q, 3) })) },
  {
    rule: "target_side",
    code: "target_not_above_entry",
    levels: withLevels((q) => ({ takeProfit: away(q, -1) })),
  },
  {
    rule: "stop_distance",
    code: "stop_too_far",
    limits: { max_stop_distance_percent: 5 },
    levels: withLevels((q) => ({ stopLoss: away(q, -20) })),
  },
  {
    rule: "reward_risk",
    code: "reward_risk_too_low",
    limits: { min_reward_risk: 2 },
    levels: withLevels((q) => ({ takeProfit: away(q, 1) })),
  },
  {
    rule: "price_deviation",
    limits: { max_price_deviation_percent: 5 },
    settings: { entry_order_type: "limit" },
    levels: withLevels((q) => ({ entry: away(q, -20), stopLoss: away(q, -22) })),
  },
  {
    rule: "entry_deviation",
    limits: { max_entry_deviation_percent: 1 },
    levels: withLevels((q) => ({ entry: away(q, 5) })),
  },
  { rule: "filters", code: "filter_notional", settings: { sizing_value: 4 } },
  { rule: "guard_slot", code: "guard_slots_used", settings: LIVE, moment: "no slot left" },
  {
    rule: "exitable",
    code: "not_exitable",
    settings: { sizing_value: 6 },
    levels: withLevels((q) => ({ stopLoss: away(q, -40) })),
  },
];

const SIZE: readonly RiskCase[] = [
  { rule: "max_order", limits: { max_order_quote: 50 } },
  { rule: "max_position", limits: { max_position_quote: 50 } },
  { rule: "max_position_percent", limits: { max_position_percent: 0.5 } },
  { rule: "min_position", limits: { min_position_quote: 200 } },
  { rule: "max_loss", limits: { max_loss_per_position: 1 } },
  { rule: "exposure", code: "max_exposure", limits: { max_exposure_quote: 150 }, before: HELD },
  {
    rule: "exposure_percent",
    code: "max_exposure_percent",
    limits: { max_exposure_percent: 1.5 },
    before: HELD,
  },
  { rule: "exposure_all", code: "max_exposure_all", all: { max_exposure_quote: 150 }, before: HELD },
  {
    rule: "exposure_percent_all",
    code: "max_exposure_percent_all",
    all: { max_exposure_percent: 1.5 },
    before: HELD,
  },
  { rule: "open_positions", code: "max_open_positions", limits: { max_open_positions: 1 }, before: HELD },
  {
    rule: "open_positions_all",
    code: "max_open_positions_all",
    all: { max_open_positions: 1 },
    before: HELD,
  },
  {
    rule: "open_in_symbol",
    code: "max_open_positions_per_symbol",
    limits: { max_open_positions_per_symbol: 1 },
    before: HELD,
  },
  {
    rule: "open_in_symbol_all",
    code: "max_open_positions_per_symbol_all",
    all: { max_open_positions_per_symbol: 1 },
    before: HELD,
  },
  { rule: "balance", code: "insufficient_balance", settings: { paper_trade_balance: 50 } },
];

const LOSS: readonly RiskCase[] = [
  { rule: "daily_loss", before: STOPPED, thenLimits: { max_daily_loss_quote: LESS_THAN_A_STOP } },
  { rule: "daily_loss_all", before: STOPPED, thenAll: { max_daily_loss_quote: LESS_THAN_A_STOP } },
  { rule: "daily_loss_at_stops", limits: { max_daily_loss_quote: 2 } },
  { rule: "daily_loss_at_stops_all", all: { max_daily_loss_percent: 0.02 } },
  {
    rule: "drawdown",
    settings: { paper_trade_balance: 150 },
    limits: { max_drawdown_percent: 0.1 },
    before: STOPPED,
  },
  {
    rule: "drawdown_all",
    settings: { paper_trade_balance: 150 },
    all: { max_drawdown_percent: 0.1 },
    before: STOPPED,
  },
];

/** All of them; between them they trip every rule that there is. */
export const RISK_CASES: readonly RiskCase[] = [...STANDING, ...DECISION, ...SIZE, ...LOSS];
