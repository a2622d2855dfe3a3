/**
 * Every rule of risk, tripped by a cause of its own on the market's prices: desks with tight limits, positions that the
 * market stops out, decisions with something wrong. What is refused must be refused by name, and nothing that was let
 * through may have passed a limit.
 */
import { openMarket } from "../../local/market/feed.ts";
import type { Quote, Tick } from "../../supabase/functions/_shared/domain/market/types.ts";
import { asService, hireTrader, hireUser, listInstruments } from "../lib/desk.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import { flatten } from "./floor.ts";
import { Lockstep } from "./lockstep.ts";
import type { MainRun } from "./main_scenario.ts";
import { away, goodLevels, ODD_SYMBOLS, RISK_CASES, type RiskCase, WIDE } from "./risk_cases.ts";
import { exchangeMomentOf, meetMoment } from "./risk_exchange.ts";
import { countExceeded, type Exceeded } from "./risk_limits_held.ts";
import { seededId } from "./scanner.ts";

/** What the scenario has to show beyond the common result. */
export interface RiskFacts extends Exceeded {
  /** The codes each rule was tripped under, as its row in a stored verdict says. */
  readonly tripped: Readonly<Record<string, readonly string[]>>;
  /** Rules that nothing tripped, and cases that ended otherwise than expected. */
  readonly missing: readonly string[];
  readonly trips: number;
  readonly locks: number;
}

/** Ticks that stops may take to be reached. */
const PATIENCE_TICKS = 3_000;
const BALANCE = 10_000;
/** Older than a price may be, so that what is frozen is stale. */
const FREEZE_MS = 15_000;
const PAST_TTL_MS = 3_000;

/** Whether every rule was tripped and every limit held. */
export function isRiskRight(facts: RiskFacts): boolean {
  return facts.missing.length === 0 && facts.limits_exceeded === 0;
}

/** Runs the scenario on a fresh stack. */
export async function runRisk(
  stack: ThrowawayStack,
  run: MainRun,
): Promise<{ market: string; facts: RiskFacts }> {
  const market = await openMarket(run.market, {
    speed: Infinity,
    now: Date.now,
    log: run.log,
    replay: { ticksPerCandle: 1, seed: run.seed },
  });
  await listInstruments(stack.sql, market.instruments);
  // By the wall clock the watch over losses would look between a limit and the decision that is to meet it.
  await stack.sql`select cron.unschedule('fillbase-sweep-fallback'), cron.unschedule('fillbase-sweep')`;
  const floor = new RiskFloor(
    stack,
    new Lockstep(stack, run.workers),
    market.stream[Symbol.asyncIterator](),
    run.seed,
  );
  try {
    await floor.open();
    const exceeded = await floor.play(RISK_CASES);
    await floor.close();
    return { market: market.described, facts: { ...await floor.findings(), ...exceeded } };
  } finally {
    market.stop();
  }
}

interface Seat {
  readonly it: RiskCase;
  readonly userId: string;
  readonly traderId: string;
  readonly signalId: string;
}

class RiskFloor {
  readonly #quotes = new Map<string, Quote>();
  #seats: Seat[] = [];
  #frozen: string | null = null;
  #first = "";
  #second = "";

  constructor(
    private readonly stack: ThrowawayStack,
    private readonly clock: Lockstep,
    private readonly ticks: AsyncIterator<Tick>,
    private readonly seed: number,
  ) {}

  /** Waits for two symbols with prices, and lists those with something wrong. */
  async open(): Promise<void> {
    const { halted, inBitcoin, priceless } = ODD_SYMBOLS;
    while (this.#quotes.size < 2) await this.#tick();
    [this.#first, this.#second] = [...this.#quotes.keys()] as [string, string];
    const odd = [instrumentFor(inBitcoin, { priceDecimals: 6, quantityDecimals: 4 }), {
      ...instrumentFor(halted),
      status: "BREAK",
    }, instrumentFor(priceless)];
    await listInstruments(this.stack.sql, odd as never);
  }

  async play(cases: readonly RiskCase[]): Promise<Exceeded> {
    for (const [n, it] of cases.entries()) this.#seats.push(await this.#seat(it, n));
    await this.#enterBefore();
    const exceeded = await countExceeded(this.stack.sql);
    for (const { it, userId, traderId } of this.#seats) {
      if (it.thenLimits) await this.#limit(traderId, { ...it.limits, ...it.thenLimits });
      if (it.thenAll) await this.#limitAll(userId, { ...it.all, ...it.thenAll });
    }
    await this.#decide(({ moment }) => moment === undefined || moment === "paused");
    await this.#decideWithoutTier();
    await this.#decideOnStalePrices();
    await this.#sweep();
    const after = await countExceeded(this.stack.sql);
    return {
      limits_exceeded: exceeded.limits_exceeded + after.limits_exceeded,
      overshoot_usdt: after.overshoot_usdt,
    };
  }

  /** A user with one trader, whose account is there from the start. */
  async #seat(it: RiskCase, n: number): Promise<Seat> {
    const { sql } = this.stack;
    const user = await hireUser(sql, `risk-${n}@example.com`);
    const traderId = seededId(this.seed, "risk trader", n);
    await hireTrader(sql, {
      id: traderId,
      userId: user.id,
      name: `${it.rule} ${n}`,
      settings: { paper_trade_balance: BALANCE, ...it.settings },
      limits: it.limits === null ? null : { ...WIDE, ...it.limits },
    });
    if (it.all) await this.#limitAll(user.id, it.all);
    return { it, userId: user.id, traderId, signalId: seededId(this.seed, "risk signal", n) };
  }

  /** Positions that have to be there first, and the market's way to the stops of some of them. */
  async #enterBefore(): Promise<void> {
    const seats = this.#seats.filter(({ it }) => it.before !== undefined);
    const quote = this.#quote(this.#first);
    for (const { it, traderId, signalId } of seats) {
      const levels = { entry: quote.ask, stopLoss: away(quote, -it.before!.stopPercent), takeProfit: [] };
      await this.#write(seededId(this.seed, "before", signalId), traderId, this.#first, levels, 80, 0);
    }
    await this.clock.settle();
    const toBeStopped = seats.filter(({ it }) => it.before!.isStopped).map(({ traderId }) => traderId);
    for (let n = 0; n < PATIENCE_TICKS; n++) {
      const [row] = await this.stack.sql`
        select count(*)::int as open from public.positions where status <> 'closed' and trader_id = any (${toBeStopped})`;
      if (row!["open"] === 0) break;
      await this.#tick();
    }
    await this.#sweep();
  }

  /** What the schedule does every 2 s, at the moments of the scenario: limits that losses have reached trip here. */
  async #sweep(): Promise<void> {
    await asService(this.stack.sql, (tx) => tx`select trading.sweep()`);
    await this.clock.settle();
  }

  /** The refused entries of some cases, all at this moment of the market. */
  async #decide(which: (it: RiskCase) => boolean): Promise<void> {
    const { sql } = this.stack;
    for (const { it, userId, traderId, signalId } of this.#seats.filter(({ it }) => which(it))) {
      if (it.moment === "paused") {
        await sql`select trading.set_trading_state('user', ${userId}, 'reducing', false, 'a look at the news', 'owner', trading.engine_now())`;
        await this.clock.settle();
      }
      const symbol = it.symbol ?? (it.moment === "stale holding" ? this.#second : this.#first);
      const quote = this.#quotes.get(symbol) ?? this.#quote(this.#first);
      const levels = (it.levels ?? goodLevels)(quote);
      await this.#write(signalId, traderId, symbol, levels, it.confidence ?? 80, it.decidedAgoMs ?? 0);
    }
    await this.clock.settle();
  }

  /** An installation that sells tiers, and users without one. */
  async #decideWithoutTier(): Promise<void> {
    const { sql } = this.stack;
    await sql`update trading.settings set required_tier = 'pro'`;
    await this.#decide(({ moment }) => moment === "no tier");
    await sql`update trading.settings set required_tier = null`;
  }

  /** The first symbol's feed falls silent; its holders decide about the second one. */
  async #decideOnStalePrices(): Promise<void> {
    this.#frozen = this.#first;
    const silentSince = this.clock.now;
    while (this.clock.now < silentSince + FREEZE_MS) await this.#tick();
    await this.#decide(({ moment }) => moment === "stale market" || moment === "stale holding");
    const decidedAt = this.clock.now;
    while (this.clock.now < decidedAt + PAST_TTL_MS) await this.#tick();
    this.#frozen = null;
  }

  async close(): Promise<void> {
    await this.#tick();
    await flatten(this.stack, this.clock, this.#quotes);
    await this.#decideOnExchanges();
  }

  /** Live traders, last of all: with an account of production the market's time stands still. */
  async #decideOnExchanges(): Promise<void> {
    for (const { it, userId } of this.#seats) {
      const moment = exchangeMomentOf(it);
      if (moment !== null) await meetMoment(this.stack.sql, userId, moment, this.#first);
    }
    await this.#decide((it) => exchangeMomentOf(it) !== null);
  }

  /** What the stored verdicts say, against what there is to be said. */
  async findings(): Promise<Omit<RiskFacts, keyof Exceeded>> {
    const { sql } = this.stack;
    const rows = await sql<{ rule: string; code: string; traders: string[] }[]>`
      select r ->> 'rule' as rule, r ->> 'code' as code, array_agg(distinct c.trader_id::text) as traders
      from trading.risk_checks c, jsonb_array_elements(c.rules) r where not (r ->> 'passed')::boolean group by 1, 2 order by 1, 2`;
    const tripped: Record<string, string[]> = {};
    for (const { rule, code } of rows) (tripped[rule] ??= []).push(code);
    const rules = await sql<{ rule: string }[]>`select rule from trading.evaluate_entry('{}')`;
    const missing = rules.map(({ rule }) => rule).filter((rule) =>
      !this.#seats.some(({ it }) => it.rule === rule)
    );
    const positions = await sql<{ signal_id: string }[]>`select signal_id from public.positions`;
    for (const { it, traderId, signalId } of this.#seats) {
      const code = it.code ?? it.rule;
      const isTripped = rows.some((row) =>
        row.rule === it.rule && row.code === code && row.traders.includes(traderId)
      );
      const isEntered = positions.some(({ signal_id }) => signal_id === signalId);
      if (!isTripped || isEntered) missing.push(`${it.rule}: ${code}`);
    }
    const [counts] = await sql<{ trips: number; locks: number }[]>`
      select (select count(*)::int from trading.loss_trips) as trips, (select count(*)::int from trading.risk_locks) as locks`;
    return { tripped, missing, ...counts! };
  }

  async #tick(): Promise<void> {
    const next = await this.ticks.next();
    if (next.done) {
      throw new Error(
        "the market ended before every rule had its cause; it takes two symbols and a few hours",
      );
    }
    const quotes = next.value.quotes.filter(({ symbol }) => symbol !== this.#frozen);
    for (const quote of quotes) this.#quotes.set(quote.symbol, quote);
    await this.clock.tick({ at: next.value.at, quotes });
  }

  async #write(
    signalId: string,
    traderId: string,
    symbol: string,
    levels: Record<string, unknown>,
    confidence: number,
    agoMs: number,
  ): Promise<void> {
    const at = new Date(this.clock.now - agoMs).toISOString();
    await this.stack.sql.begin(async (tx) => {
      await tx`insert into public.signals (id, trader_id, symbol) values (${signalId}, ${traderId}, ${symbol})`;
      await tx`
        insert into public.signal_analyses (id, signal_id, trader_id, decision, confidence, key_levels, created_at)
        values (${
        seededId(this.seed, "analysis", signalId)
      }, ${signalId}, ${traderId}, 'enter_trade', ${confidence},
          ${tx.json(levels as never)}, ${at})`;
    });
  }

  #limit(traderId: string, limits: RiskCase["limits"]): Promise<void> {
    return asService(
      this.stack.sql,
      (tx) =>
        tx`select public.set_risk_limits(${tx.json({ ...WIDE, ...limits })}, ${traderId}, p_replace => true)`,
    );
  }

  async #limitAll(userId: string, limits: RiskCase["all"]): Promise<void> {
    const claims = JSON.stringify({ sub: userId, role: "authenticated" });
    await this.stack.sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', ${claims}, true)`;
      await tx`select public.set_risk_limits(${
        tx.json({ ...limits, min_position_quote: 1 })
      }, p_mode => 'paper', p_replace => true)`;
    });
  }

  #quote(symbol: string): Quote {
    const quote = this.#quotes.get(symbol);
    if (!quote) throw new Error(`there is no price of ${symbol}`);
    return quote;
  }
}
