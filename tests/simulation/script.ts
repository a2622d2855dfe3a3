/** What happens in a seed: who trades, what the market does, what people want, and what goes wrong. */
import { type Fixed, fixed, formatShort } from "../../simulator/core/fixed.ts";
import { FAULT_KINDS, type FaultKind, type FaultSpec } from "../../simulator/faults/faults.ts";
import { tally } from "./crash_points.ts";
import { Dice } from "./dice.ts";
import type { Level, LiveUser, MarketState, World } from "./world.ts";

export const SYMBOLS = ["BTCUSDT", "ETHUSDT"] as const;
type Traded = typeof SYMBOLS[number];
const ROUNDS = { least: 12, most: 22 } as const;
const TICK: Fixed = 1_000_000n; // 0.01
const BPS = 10_000n;
const PATHS = [
  ["POST", "/api/v3/order"],
  ["POST", "/api/v3/orderList/oco"],
  ["POST", "/api/v3/order/cancelReplace"],
  ["DELETE", "/api/v3/order"],
  ["GET", "/api/v3/order"],
  ["GET", "/api/v3/myTrades"],
  ["GET", "/api/v3/account"],
  ["GET", "/api/v3/time"],
] as const;
/** Answers that cannot be read as documented: a number as text and text as a number, a strange word, a missing field. */
const ALTERATIONS = [
  { orderId: null },
  { clientOrderId: "somebody-elses" },
  { status: "STRANGE" },
  { executedQty: "many" },
  { executedQty: null },
  { symbol: "XYZUSDT" },
  { fills: "none" },
] as const;

/** Faults that say nothing about whether the request was carried out. */
const OPEN_FATE: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "bus_error",
  "backend_timeout",
  "internal_error",
  "overloaded",
  "server_error",
  "html",
]);

/** Draws a seed's story and acts it out. */
export class Script {
  readonly #dice: Dice;
  readonly #prices = new Map<Traded, Fixed>([["BTCUSDT", fixed("60000")], ["ETHUSDT", fixed("3000")]]);
  #isFeedSilent = false;
  #weather = 0;

  constructor(private readonly world: World) {
    this.#dice = new Dice(world.seed, "script");
  }

  static crewSize(seed: number): number {
    return new Dice(seed, "crew size").between(1, 3);
  }

  async begin(): Promise<void> {
    const { world } = this;
    const dice = this.#dice;
    await world.open([...SYMBOLS, "BNBUSDT"], dice.chance(0.5));
    await world.price("BNBUSDT", this.#market(fixed("600"), fixed("600"), fixed("600")), false);
    for (const symbol of SYMBOLS) await this.#move(symbol);
    for (let n = dice.between(1, 3); n > 0; n--) await this.#hireOne();
    await this.#work(1_000);
    this.#weather = dice.pick([0, 0.02, 0.05, 0.12]);
    world.mishaps = {
      crash: dice.pick([0, 0.005, 0.02]),
      stall: dice.pick([0, 0.01, 0.05]),
      lost: dice.pick([0, 0, 0.02]),
    };
    world.skew(dice.pick([0, 0, -700, 350, 5_000, -5_000]));
    this.#setWeather();
  }

  async #hireOne(): Promise<void> {
    const dice = this.#dice;
    const balances: Record<string, string> = { USDT: dice.pick(["10000", "2500"]) };
    if (dice.chance(0.4)) balances["BTC"] = dice.pick(["0.5", "0.00003"]);
    if (dice.chance(0.4)) balances["ETH"] = "1.25";
    const paysInBnb = dice.chance(0.3);
    if (paysInBnb) balances["BNB"] = dice.pick(["5", "0.0004"]);
    const traders = Array.from({ length: dice.between(1, 2) }, () => ({
      entry_order_type: dice.pick(["market", "limit"]),
      sizing_value: dice.pick([12, 60, 240, 800]),
      max_slippage_percent: dice.pick([0.1, 0.5]),
      entry_timeout_seconds: dice.pick([8, 30, 120]),
    }));
    const user = await this.world.hire(dice, balances, traders);
    user.exchange.paysFeesInBnb = paysInBnb;
  }

  /** The whole story, round by round. */
  async play(): Promise<void> {
    const rounds = this.#dice.between(ROUNDS.least, ROUNDS.most);
    for (let round = 0; round < rounds; round++) {
      for (const symbol of SYMBOLS) if (this.#dice.chance(0.7)) await this.#move(symbol);
      await this.#wish();
      this.#trouble();
      await this.#work(this.#dice.pick([150, 600, 1_500, 3_000, 6_000]));
      if (this.#dice.chance(0.6)) await this.world.sweep();
    }
  }

  /** Time goes by, and somebody is rung once in a while. */
  async #work(ms: number): Promise<void> {
    const { world } = this;
    for (let left = ms; left > 0;) {
      world.ring();
      if (this.#dice.chance(0.3)) world.ring();
      const part = Math.min(left, this.#dice.pick([100, 400, 1_500]));
      await world.turns.run(part);
      left -= part;
    }
  }

  // The market ------------------------------------------------------------------------------------------------------

  /** A small step mostly, a jump now and then. Stops and targets lie 0.3 to 6 % away. */
  async #move(symbol: Traded): Promise<void> {
    const dice = this.#dice;
    const before = this.#prices.get(symbol)!;
    const bps = BigInt(dice.chance(0.12) ? dice.between(-500, 500) : dice.between(-45, 45));
    const bid = (before * (BPS + bps) / BPS) / TICK * TICK;
    this.#prices.set(symbol, bid);
    const wick = BigInt(dice.pick([0, 5, 15, 60]));
    const low = (before < bid ? before : bid) * (BPS - wick) / BPS / TICK * TICK;
    const high = (before > bid ? before : bid) * (BPS + wick) / BPS / TICK * TICK;
    if (dice.chance(0.08)) this.#isFeedSilent = !this.#isFeedSilent;
    await this.world.price(symbol, this.#market(bid, low, high), this.#isFeedSilent);
    // A fee in BNB has a rate only where its price was seen near the fill.
    if (!this.#isFeedSilent) await this.world.tell(["BNBUSDT"]);
  }

  /** The market stands, and the feed speaks: for the time after the trouble. */
  async calmTick(): Promise<void> {
    this.#isFeedSilent = false;
    for (const symbol of SYMBOLS) {
      const bid = this.#prices.get(symbol)!;
      await this.world.price(symbol, this.#market(bid, bid, bid), false);
    }
  }

  #market(bid: Fixed, low: Fixed, high: Fixed): MarketState {
    const isThin = this.#dice.chance(0.35);
    const side = (sign: bigint): Level[] =>
      [0n, 4n, 9n, 30n, 80n].map((bps, depth) => ({
        price: (bid * (BPS + sign * bps) / BPS) / TICK * TICK + (sign > 0n ? TICK : 0n),
        quantity: isThin ? fixed("0.0007") * BigInt(1 + depth * depth * 4) : fixed("1000"),
      }));
    return { bids: side(-1n), asks: side(1n), low, high: high > bid + TICK ? high : bid + TICK };
  }

  // People ----------------------------------------------------------------------------------------------------------

  async #wish(): Promise<void> {
    const user = this.#dice.pick(this.world.users);
    const wish = this.#dice.weighted({
      enter: 60,
      close: 10,
      part: 6,
      cancel: 5,
      halt: 2,
      flatten: 2,
      resume: 8,
      nothing: 10,
    });
    if (wish === "enter") return await this.#enter(user);
    if (wish === "nothing") return;
    const said = wish === "halt" || wish === "flatten" || wish === "resume"
      ? await this.#command(user, wish)
      : await this.#aboutPosition(user, wish);
    this.world.note(`user ${wish} ${said}`);
    tally(this.world.counts, `user ${wish}`);
  }

  async #enter(user: LiveUser): Promise<void> {
    const dice = this.#dice;
    const symbol = dice.pick(SYMBOLS);
    const price = this.#prices.get(symbol)!;
    const at = (bps: number) => formatShort(price * (BPS + BigInt(bps)) / BPS / TICK * TICK);
    const entry = at(-dice.pick([0, 5, 25, 60]));
    const stopLoss = at(-dice.pick([80, 150, 400, 900]));
    const takeProfit = dice.pick([[], [40], [300], [60, 200], [50, 120, 600]]).map(at);
    for (let n = dice.pick([1, 1, 1, 2, 3]); n > 0; n--) {
      await this.world.decide(dice, dice.pick(user.traderIds), symbol, { entry, stopLoss, takeProfit });
    }
    this.world.note(`decide ${symbol} ${entry} ${stopLoss} ${takeProfit.join("/")}`);
  }

  #command(user: LiveUser, wish: "halt" | "flatten" | "resume"): Promise<string> {
    const scope = this.#dice.chance(0.7) ? ["user", user.id] : ["trader", this.#dice.pick(user.traderIds)];
    if (wish === "resume") {
      return this.world.act(user, "select public.resume_trading($1, $2, 'enough', true)", scope);
    }
    const mode = wish === "halt" ? "halt" : "halt_and_flatten";
    return this.world.act(user, "select public.stop_trading($1, $2, $3, 'seen enough', $4)", [
      ...scope,
      mode,
      this.#dice.uuid(),
    ]);
  }

  async #aboutPosition(user: LiveUser, wish: "close" | "part" | "cancel"): Promise<string> {
    const rows = await this.world.sql<{ id: string; part: string }[]>`
      select id, trim_scale(round(quantity / 2, 5))::text as part from public.positions
      where user_id = ${user.id} and status not in ('closed', 'failed') order by created_at, id`;
    const request = this.#dice.uuid();
    if (rows.length === 0) return "no position";
    const { id, part } = this.#dice.pick(rows);
    if (wish === "cancel") return await this.world.act(user, "select public.cancel_entry($1)", [id]);
    const quantity = wish === "part" && part !== "0" ? part : null;
    return await this.world.act(user, "select public.close_position($1, $2, $3)", [id, quantity, request]);
  }

  // Trouble ---------------------------------------------------------------------------------------------------------

  /** A share of all requests meets a fault of any kind, for good. */
  #setWeather(): void {
    if (this.#weather === 0) return;
    for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
      if (kind === "altered" || kind === "duplicate") continue;
      const spec = this.#fault(kind, null);
      this.world.simulator.faults.add({ ...spec, times: null, probability: this.#weather / 17 });
    }
  }

  /** A fault that waits for one kind of request, or a lag of readers. */
  #trouble(): void {
    const { simulator } = this.world;
    const dice = this.#dice;
    if (dice.chance(0.1)) {
      simulator.state.readLag = { probability: dice.pick([0, 0.5, 1]), ms: dice.pick([500, 3_000, 8_000]) };
    }
    if (dice.chance(0.03)) simulator.restart(dice.pick([1_000, 5_000, 12_000]));
    if (dice.chance(0.04)) this.world.skew(dice.pick([-900, -200, 200, 900]));
    if (!dice.chance(0.5)) return;
    const path = dice.pick(PATHS);
    simulator.faults.add(this.#fault(dice.pick(Object.keys(FAULT_KINDS) as FaultKind[]), path));
  }

  #fault(kind: FaultKind, on: typeof PATHS[number] | null): FaultSpec {
    const dice = this.#dice;
    const [method, path] = on ?? [undefined, undefined];
    const ms = dice.pick(
      kind === "ban" || kind === "too_many" ? [1_000, 4_000] : [150, 900, 1_600, 4_000, 7_000],
    );
    return {
      kind,
      // A copy of an order that fills at once is a second order under the same id: nothing below the exchange prevents it,
      // and nothing between two machines makes one (docs/decisions/0024).
      method: kind === "duplicate" && path === "/api/v3/order" ? "DELETE" : method,
      path,
      times: dice.pick([1, 1, 2, 3]),
      probability: 1,
      isExecuted: OPEN_FATE.has(kind) ? dice.chance(0.5) : FAULT_KINDS[kind].isExecuted,
      status: null,
      ms: kind === "clock_skew" && dice.chance(0.5) ? -ms : ms,
      ...(kind === "altered" && { alter: dice.pick(ALTERATIONS) }),
    };
  }
}
