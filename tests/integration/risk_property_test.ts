import assert from "node:assert/strict";
import { Decimal } from "decimal.js";
import { applyTick, asService, type Limits } from "../../scripts/lib/desk.ts";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import { withYard, type Yard } from "../concurrency/yard.ts";
import { quoteOf } from "./floor.ts";
import { assertOrderRules, drawOrderLimits } from "./risk_order_oracle.ts";
import { type Figures, figuresOf, type Ledger, readLedger } from "./risk_oracle.ts";

/** Of many that were run, those that between them trip every loss rule. */
const SEEDS = [3, 4, 5];
/** With limits of orders and locks as well, which deny most of what would trip the others. */
const ORDER_SEEDS = [3, 4];
const STEPS = 120;
const TRADERS = 3;
/** After the yard's own first prices, which are of today. */
const START_AT = Date.UTC(2040, 2, 2, 20);
/** So that each run crosses midnights in UTC. */
const STEP_MS = 1_200_000;
const SYMBOLS = { BTCUSDT: 50_000, ETHUSDT: 3_000 };
const ENOUGH_ENTRIES = 5;

type Random = ReturnType<typeof randomFor>;

/** Each limit that is drawn with some chance, and the range it is drawn from. */
const DRAWN: Readonly<Record<string, readonly [least: number, most: number]>> = {
  max_position_quote: [100, 400],
  max_position_percent: [15, 60],
  max_order_quote: [100, 400],
  max_exposure_percent: [10, 90],
  max_open_positions_per_symbol: [1, 4],
  max_loss_per_position: [2, 20],
  max_daily_loss_quote: [5, 60],
  max_daily_loss_percent: [1, 6],
  max_drawdown_percent: [1, 6],
  max_consecutive_losses: [2, 6],
  max_stop_distance_percent: [2, 5],
};

function drawLimits(random: Random, breadth: number): Limits {
  const limits: Record<string, number> = {
    max_exposure_quote: (200 + random.below(800)) * breadth,
    max_open_positions: (1 + random.below(6)) * breadth,
  };
  for (const [name, [least, most]] of Object.entries(DRAWN)) {
    if (random.below(3) === 0) {
      limits[name] = (least + random.below(most - least + 1)) * (/quote/.test(name) ? breadth : 1);
    }
  }
  return limits;
}

function drawSettings(random: Random) {
  const sizing = [
    { sizing_method: "fixed_quote", sizing_value: 20 + random.below(200) },
    { sizing_method: "equity_percent", sizing_value: 2 + random.below(20) },
    { sizing_method: "risk_percent", sizing_value: 1 },
  ][random.below(3)]!;
  return {
    ...sizing,
    paper_trade_balance: 500 + random.below(1_500),
    entry_order_type: random.below(3) === 0 ? "limit" : "market",
    entry_timeout_seconds: 7_200,
  };
}

interface Desk {
  readonly yard: Yard;
  readonly random: Random;
  /** Draws the limits of orders and how sure a decision is, apart from all else. */
  readonly orders: Random;
  readonly userId: string;
  readonly traders: readonly string[];
  readonly limits: ReadonlyMap<string | null, Limits>;
  readonly prices: Record<string, number>;
  /** Highest result of each account, and of all under null, at the moments when the engine looked, too. */
  readonly peaks: Map<string | null, Decimal>;
  /** When trading was last resumed, in seconds: losing streaks begin anew there. */
  readonly resumed: Map<string | null, number>;
  now: number;
  admitted: number;
}

async function openDesk(yard: Yard, seed: number, withOrders: boolean): Promise<Desk> {
  const random = randomFor("risk", seed);
  const orders = randomFor("risk of orders", seed);
  const user = await yard.user();
  await yard.sql`update trading.settings set paper_slippage_max = 0.001`;
  const ofOrders = () => withOrders ? drawOrderLimits(orders) : {};
  const limits = new Map<string | null, Limits>();
  const traders: string[] = [];
  for (let n = 0; n < TRADERS; n++) {
    const own = { ...drawLimits(random, 1), ...ofOrders() };
    const id = await yard.trader(user.id, drawSettings(random), own);
    traders.push(id);
    limits.set(id, own);
  }
  const all = { ...drawLimits(random, 2), ...ofOrders() };
  limits.set(null, all);
  await yard.sql.begin(async (tx) => {
    await tx`select set_config('request.jwt.claims', ${
      JSON.stringify({ sub: user.id, role: "authenticated" })
    }, true)`;
    await tx`select public.set_risk_limits(${tx.json(all)}, p_mode => 'paper', p_replace => true)`;
  });
  const prices = { ...SYMBOLS };
  return {
    yard,
    random,
    orders,
    userId: user.id,
    traders,
    limits,
    prices,
    peaks: new Map(),
    resumed: new Map(),
    now: START_AT,
    admitted: 0,
  };
}

/** Moves the clock, and the market by up to 1.5 % or by a gap, and lets everything happen that follows. */
async function moveMarket(desk: Desk): Promise<void> {
  const { yard, random, prices } = desk;
  desk.now += STEP_MS;
  await yard.sql`select trading.set_clock(${new Date(desk.now).toISOString()})`;
  const gap = random.below(10) === 0 ? 0.96 : 1.004;
  const quotes = Object.keys(prices).map((symbol) => {
    prices[symbol] = Math.round(prices[symbol]! * gap * (1 + (random.below(301) - 150) / 10_000));
    return quoteOf(symbol, { bid: `${prices[symbol]}`, ask: `${prices[symbol]! + 1}` }, desk.now);
  });
  await applyTick(yard.sql, quotes);
  await yard.work("worker");
  await asService(yard.sql, (tx) => tx`select trading.watch_losses()`);
  await yard.work("worker");
}

/** The owner resumes what may be resumed without force; a drawdown stands. */
async function resume(desk: Desk): Promise<void> {
  const { yard, resumed } = desk;
  const rows = await yard.sql`
    update trading.trading_states s set state = 'active', set_by = 'owner', set_at = trading.engine_now()
    where s.state <> 'active' and s.scope <> 'system'
      and not exists (select from trading.loss_trips t where t.scope_id = s.scope_id and t.resumed_at is null and t.rule = 'drawdown')
      and trading.standing_cause(${desk.userId}, s.scope_id, trading.engine_now()) is null
    returning scope, scope_id`;
  for (const { scope, scope_id } of rows) {
    resumed.set(scope === "portfolio" ? null : scope_id, desk.now / 1_000);
  }
}

async function decide(desk: Desk, traderId: string): Promise<string> {
  const { yard, random, prices } = desk;
  const symbol = Object.keys(prices)[random.below(2)]!;
  const market = prices[symbol]! + 1;
  const entry = random.below(2) === 0 ? market : Math.round(market * 0.996);
  const levels = {
    entry,
    stopLoss: Math.round(entry * (1 - (3 + random.below(40)) / 1_000)),
    takeProfit: [Math.round(market * (1 + (2 + random.below(40)) / 1_000))],
  };
  const [signalId] = await yard.signals(traderId, 1, symbol);
  await yard
    .sql`insert into public.signal_analyses (signal_id, trader_id, decision, confidence, key_levels, created_at)
    values (${signalId!}, ${traderId}, 'enter_trade', ${50 + desk.orders.below(50)}, ${
    yard.sql.json(levels)
  }, ${new Date(desk.now).toISOString()})`;
  return signalId!;
}

/** The account by itself, and under null all accounts of the user. */
function scopes(ledger: Ledger, account: string): [string | null, readonly string[]][] {
  return [[account, [account]], [null, ledger.accounts]];
}

function notePeaks(desk: Desk, ledger: Ledger): void {
  for (const account of ledger.accounts) {
    for (const [scope, accounts] of scopes(ledger, account)) {
      const { equity, capital } = figuresOf(ledger, accounts);
      desk.peaks.set(scope, Decimal.max(desk.peaks.get(scope) ?? 0, equity.minus(capital)));
    }
  }
}

/** Every limit of one scope, held against the figures before and after an admitted entry. */
function assertWithin(
  limits: Limits,
  before: Figures,
  after: Figures,
  peak: Decimal,
  symbol: string,
  what: string,
): void {
  const atMost = (name: string, value: Decimal.Value, limit: Decimal.Value | null | undefined) =>
    assert.ok(
      limit == null || new Decimal(value).lessThanOrEqualTo(limit),
      `${what}: ${name} is ${value}, its limit ${limit}`,
    );
  const below = (name: string, value: Decimal.Value, limit: Decimal.Value | null | undefined) =>
    assert.ok(
      limit == null || new Decimal(value).lessThan(limit),
      `${what}: ${name} is ${value}, its limit ${limit}`,
    );
  const percent = (name: string, of: Decimal) =>
    limits[name] == null ? null : of.times(limits[name]!).div(100);
  const daily = [limits["max_daily_loss_quote"], percent("max_daily_loss_percent", before.equity)]
    .filter((it) => it != null);
  const dailyLimit = daily.length > 0 ? Decimal.min(...daily as Decimal[]) : null;
  const top = before.capital.plus(Decimal.max(peak, before.equity.minus(before.capital)));
  atMost("exposure", after.exposure, limits["max_exposure_quote"]);
  atMost("exposure in percent", after.exposure, percent("max_exposure_percent", before.equity));
  atMost("open positions", after.open, limits["max_open_positions"]);
  atMost("open in symbol", after.openBySymbol.get(symbol)!, limits["max_open_positions_per_symbol"]);
  below("daily loss", before.lossNow, dailyLimit);
  atMost("daily loss at stops", after.lossAtStops, dailyLimit);
  below("drawdown", top.minus(before.equity), percent("max_drawdown_percent", top));
  below("consecutive losses", before.lossStreak, limits["max_consecutive_losses"]);
}

/** The limits of the order itself; what it costs is bounded by its price, what it loses by its fill or its price. */
async function assertOrderWithin(
  desk: Desk,
  signalId: string,
  limits: readonly Limits[],
  before: Figures,
  what: string,
): Promise<void> {
  const [order] = await desk.yard.sql`
    select o.quantity::text as quantity, o.price::text as price, p.stop_loss_price::text as stop, p.max_loss_usdt::text as max_loss
    from public.orders o join public.positions p on p.id = o.position_id where o.signal_id = ${signalId} and o.role = 'entry'`;
  const { quantity, price, stop } = order as unknown as Record<string, string>;
  const notional = new Decimal(quantity!).times(price!);
  const loss = notional.minus(new Decimal(quantity!).times(0.999).times(stop!).times(0.999));
  const distance = new Decimal(price!).minus(stop!).times(100).div(price!);
  for (const own of limits) {
    const percent = own["max_position_percent"];
    const held: [string, Decimal, Decimal.Value | undefined][] = [
      ["position", notional, own["max_position_quote"]],
      ["order", notional, own["max_order_quote"]],
      [
        "position in percent",
        notional,
        percent === undefined ? undefined : before.equity.times(percent).div(100),
      ],
      ["loss at the stop", loss, own["max_loss_per_position"]],
      ["stop distance", distance, own["max_stop_distance_percent"]],
    ];
    for (const [name, value, limit] of held) {
      assert.ok(
        limit === undefined || value.lessThanOrEqualTo(limit),
        `${what}: ${name} is ${value}, its limit ${limit}`,
      );
    }
    assert.ok(notional.greaterThanOrEqualTo(10), `${what}: ${notional} is below the smallest position`);
  }
}

/** What the engine judged by is what the oracle finds, to the twelfth decimal. */
async function assertFacts(desk: Desk, signalId: string, before: Ledger, account: string): Promise<void> {
  const [check] = await desk.yard.sql`
    select array_agg(f.key) as keys, array_agg(f.value) as values from trading.risk_checks c, jsonb_each_text(c.facts) f
    where c.signal_id = ${signalId}`;
  if (!check!["keys"]) return;
  const facts = new Map<string, string>(
    check!["keys"].map((key: string, n: number) => [key, check!["values"][n]]),
  );
  for (const [scope, accounts] of scopes(before, account)) {
    const figures = figuresOf(before, accounts, desk.resumed.get(scope) ?? 0);
    const named = {
      equity: figures.equity,
      capital: figures.capital,
      exposure: figures.exposure,
      loss_now: figures.lossNow,
      loss_at_stops: figures.lossAtStops,
      open_positions: figures.open,
      loss_streak: figures.lossStreak,
    };
    for (const [name, value] of Object.entries(named)) {
      const seen = facts.get(scope === null ? `${name}_all` : name)!;
      assert.ok(
        new Decimal(seen).minus(value).abs().lessThan(1e-12),
        `${name} of ${scope ?? "all"}: ${seen}, not ${value}`,
      );
    }
  }
}

async function enterOnce(desk: Desk, step: number): Promise<void> {
  const { yard, userId, random, limits } = desk;
  const traderId = desk.traders[random.below(desk.traders.length)]!;
  const before = await readLedger(yard.sql, userId);
  const signalId = await decide(desk, traderId);
  await yard.work("worker");
  const [known] = await yard.sql`
    select a.id from trading.accounts a where a.trader_id = ${traderId} and a.id = any (${[
    ...before.accounts,
  ]})`;
  // An entry that opens its account is judged by the capital it begins with, which is not in the ledger before.
  if (!known) return;
  await assertFacts(desk, signalId, before, known["id"]);
  const [row] = await yard.sql`
    select p.account_id, p.symbol from public.positions p where p.signal_id = ${signalId} and p.status <> 'failed'`;
  if (!row) return;
  desk.admitted += 1;
  const after = await readLedger(yard.sql, userId);
  const account = row["account_id"] as string;
  const what = (scope: string | null) => `step ${step}, ${scope === null ? "all traders" : "the trader"}`;
  for (const [scope, accounts] of scopes(after, account)) {
    const own = limits.get(scope === null ? null : traderId)!;
    const resumed = desk.resumed.get(scope) ?? 0;
    const [then, now] = [figuresOf(before, accounts, resumed), figuresOf(after, accounts, resumed)];
    assertWithin(own, then, now, desk.peaks.get(scope) ?? new Decimal(0), row["symbol"], what(scope));
    await assertOrderWithin(desk, signalId, [own], then, what(scope));
    const bid = desk.prices[row["symbol"]]!;
    const entry = { signalId, bid, ask: bid + 1, limits: own, isAll: scope === null };
    await assertOrderRules(yard.sql, entry, what(scope));
  }
}

const RUNS = [
  ...SEEDS.map((seed) => ({ seed, name: `seed ${seed}`, withOrders: false })),
  ...ORDER_SEEDS.map((seed) => ({
    seed,
    name: `seed ${seed}, limits of orders and locks`,
    withOrders: true,
  })),
];
for (const { seed, name, withOrders } of RUNS) {
  Deno.test(`after each admitted entry every limit holds on recomputation (${name})`, async () => {
    await withYard(`risk_property_${seed}_${withOrders}`, async (yard) => {
      const desk = await openDesk(yard, seed, withOrders);
      for (let step = 0; step < STEPS; step++) {
        await moveMarket(desk);
        await resume(desk);
        notePeaks(desk, await readLedger(yard.sql, desk.userId));
        await enterOnce(desk, step);
      }
      const [{ codes } = { codes: [] }] = await yard.sql`
        select array_agg(distinct rejection_code) as codes from public.signals where rejection_code is not null`;
      console.error("CODES", seed, desk.admitted, String(codes), JSON.stringify([...desk.limits.values()]));
      assert.ok(desk.admitted >= ENOUGH_ENTRIES, `only ${desk.admitted} entries were admitted`);
      assert.ok((codes as string[]).length >= 2, `only ${codes} denied anything`);
      await yard.assertBooks();
    });
  });
}
