/** A live trader with a guarded position on an exchange that then makes trouble, and what has to stay true meanwhile. */
import assert from "node:assert/strict";
import type { Filter } from "../../simulator/engine/model.ts";
import { type ExchangeFloor, type LiveUser, openExchangeFloor } from "../harness/exchange_floor.ts";

/** Rarer than the sweep is, so that an hour is played in seconds. */
const STEP_MS = 5_000;

const LEVELS = { stopLoss: 58_000, takeProfit: [63_000] };
/** 100 USDT at the cap, less the fee. */
export const HELD = "0.00164835";

/** See the top of the file. */
export class TroubledDesk implements AsyncDisposable {
  private constructor(readonly floor: ExchangeFloor, readonly user: LiveUser) {}

  /** A desk without a position, and what else the account holds. */
  static async open(coins: Readonly<Record<string, string>> = {}): Promise<TroubledDesk> {
    const floor = await openExchangeFloor("troubled");
    await floor.sql`update trading.settings set max_price_age_ms = 3600000`;
    return new TroubledDesk(floor, await floor.hire({ USDT: "10000", ...coins }));
  }

  /** A desk with a position in BTC, for a while, that stop and target guard at the exchange; `coins`: the owner's own. */
  static async holding(coins: Readonly<Record<string, string>> = {}): Promise<TroubledDesk> {
    const desk = await TroubledDesk.open(coins);
    await desk.enter();
    await desk.go(STEP_MS);
    await desk.assertGuarded(HELD);
    return desk;
  }

  /** A decision, and what the workers do at once. */
  async enter(symbol = "BTCUSDT", levels: Readonly<Record<string, unknown>> = LEVELS): Promise<string> {
    const signalId = await this.floor.decide(this.user, symbol, levels);
    await this.floor.settle();
    return signalId;
  }

  async close(): Promise<void> {
    const { id } = await this.position();
    await this.floor.command("select public.close_position($1)", [id]);
    await this.floor.settle();
  }

  /** Time with its sweeps, and the work that comes due in it. */
  async go(ms: number, stepMs = STEP_MS): Promise<void> {
    const until = this.floor.clock.now() + ms;
    while (this.floor.clock.now() < until) {
      await this.floor.pass(stepMs);
      await this.floor.sweep();
      await this.floor.settle();
    }
  }

  /** The owner lifts what the engine has paused. */
  async resume(): Promise<void> {
    const claims = JSON.stringify({ sub: this.user.id, role: "authenticated" });
    await this.floor.sql.begin(async (tx) => {
      await tx`select set_config('request.jwt.claims', ${claims}, true)`;
      await tx`select public.resume_trading('account', ${this.user.accountId}, 'mended', true)`;
    });
  }

  /** Another key of the same exchange account. */
  async connect(): Promise<void> {
    const { exchangeAccount, id } = this.user;
    const key = this.floor.simulator.addKey(exchangeAccount);
    const uid = String(this.floor.simulator.openAccount(exchangeAccount).uid);
    await this.floor.sql`
      select trading.connect_exchange_account(${id}, 'simulator', ${uid}, ${key.apiKey}, ${key.secret})`;
    await this.floor.settle();
  }

  async position(): Promise<{ id: string; status: string; quantity: string; reason: string | null }> {
    const [row] = await this.floor.sql<
      { id: string; status: string; quantity: string; reason: string | null }[]
    >`
      select id, status, quantity::text, exit_reason as reason from public.positions
       order by status = 'failed', created_at desc limit 1`;
    return row!;
  }

  async signal(id: string): Promise<string> {
    const [row] = await this.floor.sql`
      select concat_ws(' ', status, rejection_code) as fate from public.signals where id = ${id}`;
    return row!["fate"];
  }

  /** Codes of the alerts that stand open, without those that only inform. */
  async alerts(): Promise<string[]> {
    const rows = await this.floor.sql<{ code: string }[]>`
      select distinct code from public.alerts where resolved_at is null and severity <> 'info' order by 1`;
    return rows.map(({ code }) => code);
  }

  /** How often an alert was raised, in one row or several. */
  async raised(code: string): Promise<number> {
    const [row] = await this.floor.sql`select count(*)::int as count from public.alerts where code = ${code}`;
    return row!["count"];
  }

  /** Requests that the exchange got while a body ran. */
  async requestsWhile(body: () => Promise<void>): Promise<number> {
    const before = this.floor.simulator.log.length;
    await body();
    return this.floor.simulator.log.length - before;
  }

  /** Changes a rule of BTC at the exchange; the engine is not told. */
  setFilter(type: string, change: Readonly<Record<string, bigint>>): void {
    const { rules } = this.floor.simulator.state.markets.get("BTCUSDT")!;
    rules.filters = rules.filters.map((it): Filter => it.filterType === type ? { ...it, ...change } : it);
  }

  /** Orders of ours that the exchange was asked to place, market sales and guards included. */
  placed(side: "BUY" | "SELL"): number {
    return this.floor.simulator.log.filter(({ method, path, params }) =>
      method === "POST" && path.startsWith("/api/v3/order") && !path.endsWith("/test") &&
      params.includes(`side=${side}`)
    ).length;
  }

  /** The position is in the books, and the engine's own stop over it is armed. */
  async assertRemembered(quantity = HELD): Promise<void> {
    const { id, status, quantity: held } = await this.position();
    assert.ok(["open", "closing"].includes(status), `the position is ${status}`);
    assert.equal(held, quantity);
    const [stop] = await this.floor
      .sql`select trigger_price::text as trigger from trading.engine_stops where position_id = ${id}`;
    assert.equal(stop?.["trigger"], "58000");
  }

  /** It is remembered, and its stop rests at the exchange for all that can be sold. */
  async assertGuarded(quantity = HELD): Promise<void> {
    await this.assertRemembered(quantity);
    const [row] = await this.floor.sql`
      select s.naked_since, (select sum(o.quantity - o.filled_quantity)::text from public.orders o
        where o.position_id = s.position_id and o.role = 'stop_loss' and o.state = 'working') as guarded
      from trading.engine_stops s`;
    assert.equal(row!["naked_since"], null);
    assert.equal(this.floor.held(this.user, "BTC").split("/")[1], row!["guarded"]);
  }

  /** The books are right and the exchange holds what they say. */
  async assertSettled(): Promise<void> {
    await this.floor.assertBooks();
    await this.floor.assertLedger(this.user);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.floor.close();
  }
}
