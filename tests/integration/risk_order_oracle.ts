/**
 * The limits of the single order and the locks, computed once more from positions and prices alone, for an entry that the
 * engine has admitted.
 */
import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import type { Sql } from "postgres";
import type { Limits } from "../../scripts/lib/desk.ts";
import type { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";

type Random = ReturnType<typeof randomFor>;

/** What a taker pays on paper, of the value. */
const KEPT_OF_BOTH_FEES = new Decimal("0.999").pow(2);

/** Each limit that is drawn with some chance, and the range it is drawn from; the last figure divides what is drawn. */
const DRAWN: Readonly<Record<string, readonly [least: number, most: number, parts: number]>> = {
  min_position_quote: [10, 40, 1],
  min_confidence: [60, 80, 1],
  min_reward_risk: [2, 10, 10],
  max_spread_percent: [3, 60, 1_000],
  max_price_deviation_percent: [2, 10, 10],
  max_entry_deviation_percent: [1, 4, 10],
  min_order_interval_seconds: [1_200, 4_800, 1],
  cooldown_seconds: [1_800, 10_800, 1],
};

/** Limits of orders and locks, some of them set. */
export function drawOrderLimits(random: Random): Limits {
  const limits: Record<string, number> = {};
  for (const [name, [least, most, parts]] of Object.entries(DRAWN)) {
    if (random.below(3) === 0) limits[name] = (least + random.below(most - least + 1)) / parts;
  }
  if (random.below(2) === 0) {
    limits["stop_guard_count"] = 2 + random.below(2);
    limits["stop_guard_window_seconds"] = 7_200 + random.below(14_400);
    limits["stop_guard_pause_seconds"] = 3_600 + random.below(7_200);
  }
  if (random.below(2) === 0) {
    limits["low_profit_trades"] = 2 + random.below(2);
    limits["low_profit_window_seconds"] = 14_400 + random.below(28_800);
    limits["low_profit_min_quote"] = 0;
    limits["low_profit_pause_seconds"] = 3_600 + random.below(7_200);
  }
  return limits;
}

/** An admitted entry, the market that it met, and what it was judged by: its trader's limits, or (`isAll`) all traders'. */
export interface Admitted {
  readonly signalId: string;
  readonly bid: number;
  readonly ask: number;
  readonly limits: Limits;
  readonly isAll: boolean;
}

interface Entry {
  readonly accountId: string;
  readonly userId: string;
  readonly symbol: string;
  readonly at: Date;
  readonly confidence: number;
  readonly notional: string;
  readonly price: string;
  readonly stop: string;
  readonly target: string;
  readonly named: string;
}

/** Fails when the entry passed a limit of its own order, or came while a lock stood. */
export async function assertOrderRules(sql: Sql, admitted: Admitted, what: string): Promise<void> {
  const { limits, bid, ask, isAll } = admitted;
  const entry = await readEntry(sql, admitted.signalId);
  const [price, stop] = [new Decimal(entry.price), new Decimal(entry.stop)];
  const reward = KEPT_OF_BOTH_FEES.times(entry.target).minus(price);
  const loss = price.minus(KEPT_OF_BOTH_FEES.times(stop));
  const away = (from: Decimal.Value, of: Decimal.Value) =>
    new Decimal(from).minus(ask).abs().times(100).div(of);
  const atMost: Record<string, Decimal> = {
    max_spread_percent: new Decimal(ask - bid).times(200).div(ask + bid),
    max_price_deviation_percent: away(price, ask),
    max_entry_deviation_percent: away(entry.named, entry.named),
  };
  const atLeast: Record<string, Decimal> = {
    min_position_quote: new Decimal(entry.notional),
    min_confidence: new Decimal(entry.confidence),
    min_reward_risk: reward.div(loss),
    min_order_interval_seconds: await secondsSinceEntry(sql, entry, isAll),
  };
  for (const [name, value] of Object.entries(atMost)) {
    const isHeld = limits[name] == null || value.lessThanOrEqualTo(limits[name]);
    assert.ok(isHeld, `${what}: ${value} passes ${name} of ${limits[name]}`);
  }
  for (const [name, value] of Object.entries(atLeast)) {
    const isHeld = limits[name] == null || value.greaterThanOrEqualTo(limits[name]);
    assert.ok(isHeld, `${what}: ${value} passes ${name} of ${limits[name]}`);
  }
  assert.deepEqual(await standingLocks(sql, entry, limits, isAll), [], `${what}: locks stand`);
}

async function readEntry(sql: Sql, signalId: string): Promise<Entry> {
  const [row] = await sql<Entry[]>`
    select p.account_id as "accountId", p.user_id as "userId", p.symbol, p.created_at as at, s.confidence::float8 as confidence,
      (o.quantity * o.price)::text as notional, o.price::text as price, p.stop_loss_price::text as stop,
      s.levels #>> '{takeProfit,0}' as target, s.levels ->> 'entry' as named
    from public.positions p join public.orders o on o.position_id = p.id and o.role = 'entry' join public.signals s on s.id = p.signal_id
    where p.signal_id = ${signalId}`;
  return row!;
}

async function secondsSinceEntry(
  sql: Sql,
  { userId, accountId, at }: Entry,
  isAll: boolean,
): Promise<Decimal> {
  const [row] = await sql`
    select extract(epoch from ${at}::timestamptz - max(p.created_at))::text as seconds from public.positions p
    where p.user_id = ${userId} and (${isAll} or p.account_id = ${accountId}) and p.created_at < ${at}`;
  return new Decimal(row!["seconds"] ?? Infinity);
}

/** Which locks the closed positions of the scope give rise to that are not over at the entry. */
async function standingLocks(
  sql: Sql,
  { userId, accountId, symbol, at }: Entry,
  limits: Limits,
  isAll: boolean,
): Promise<string[]> {
  const closed = await sql<
    { symbol: string; account: string; isStop: boolean; result: string; at: number }[]
  >`
    select p.symbol, p.account_id as account, p.exit_reason = 'stop_loss' as "isStop", p.realized_pnl::text as result,
      extract(epoch from p.closed_at)::float8 as at
    from public.positions p where p.user_id = ${userId} and p.status = 'closed' and p.closed_at <= ${at}`;
  const now = at.getTime() / 1_000;
  const own = closed.filter(({ account }) => isAll || account === accountId);
  const inSymbol = own.filter((it) => it.symbol === symbol);
  const within = (all: typeof own, end: number, seconds: number) =>
    all.filter((it) => it.at <= end && it.at > end - seconds);
  const { cooldown_seconds, stop_guard_count, stop_guard_window_seconds, stop_guard_pause_seconds } = limits;
  const { low_profit_trades, low_profit_window_seconds, low_profit_min_quote, low_profit_pause_seconds } =
    limits;
  // A cooldown is the trader's own, whichever row of limits asks for it.
  const isCooling = cooldown_seconds != null &&
    inSymbol.some((it) => it.account === accountId && it.isStop && it.at + cooldown_seconds > now);
  const failures = own.filter((it) => it.isStop && new Decimal(it.result).lessThan(0));
  const isGuarded = stop_guard_count != null &&
    own.some((it) =>
      it.isStop && it.at + stop_guard_pause_seconds! > now &&
      within(failures, it.at, stop_guard_window_seconds!).length >= stop_guard_count
    );
  const isPoor = low_profit_trades != null && inSymbol.some((it) => {
    const recent = within(inSymbol, it.at, low_profit_window_seconds!);
    const sum = recent.reduce((sum, { result }) => sum.plus(result), new Decimal(0));
    return it.at + low_profit_pause_seconds! > now && recent.length >= low_profit_trades &&
      sum.lessThan(low_profit_min_quote!);
  });
  return [
    ...isCooling ? ["cooldown"] : [],
    ...isGuarded ? ["stop_guard"] : [],
    ...isPoor ? ["low_profit"] : [],
  ];
}
