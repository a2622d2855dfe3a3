/** An exchange that changes a symbol's rules while a position stands, and an engine that looks for them as `deno task start` does. */
import assert from "node:assert/strict";
import { fixed } from "../../simulator/core/fixed.ts";
import { instrumentRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import { refreshInstruments } from "../../supabase/functions/_shared/app/refresh_market.ts";
import { listedBy } from "../harness/listings.ts";
import { HELD, TroubledDesk } from "./troubled_desk.ts";

const STEP_MS = 5_000;
const MAX_AGE_MS = 5 * 60_000;

/** Time in which the list of symbols is fetched again when it is doubted or old. */
async function watch(desk: TroubledDesk, ms: number): Promise<void> {
  const { sql, simulator, clock } = desk.floor;
  const list = { fetch: () => listedBy(simulator), source: "simulator", isFull: false, maxAgeMs: MAX_AGE_MS };
  const store = {
    async instrumentsUpdatedAt() {
      const [row] = await sql<{ at: Date | null }[]>`select trading.instruments_updated_at() as at`;
      return row!.at?.getTime() ?? null;
    },
    async applyInstruments(instruments: Awaited<ReturnType<typeof listedBy>>, source: string) {
      const rows = sql.json(instruments.map(instrumentRow) as never);
      await sql`select trading.apply_instruments(${rows}, ${source})`;
      return instruments.length;
    },
  };
  for (let gone = 0; gone < ms; gone += STEP_MS) {
    await refreshInstruments(list, store, clock.now());
    await desk.go(STEP_MS);
  }
}

/** A position whose rules change in its second minute, before the list is old. */
async function holding(coins: Readonly<Record<string, string>> = {}): Promise<TroubledDesk> {
  const desk = await TroubledDesk.holding(coins);
  await watch(desk, 90_000);
  return desk;
}

Deno.test("a sale and a stop that a coarser step and tick refuse fit the new ones within seconds", async () => {
  await using desk = await holding();
  desk.setFilter("LOT_SIZE", { stepSize: fixed("0.0001"), minQty: fixed("0.0001") });
  desk.setFilter("PRICE_FILTER", { tickSize: fixed("70") });
  await desk.close();
  await watch(desk, 4 * STEP_MS);

  assert.equal((await desk.position()).status, "closed");
  assert.deepEqual(await desk.alerts(), []);
});

Deno.test("what a part's refused sale leaves without a stop is guarded again within seconds", async () => {
  await using desk = await holding();
  const { id } = await desk.position();
  desk.setFilter("LOT_SIZE", { stepSize: fixed("0.0001"), minQty: fixed("0.0001") });
  desk.setFilter("PRICE_FILTER", { tickSize: fixed("70") });
  await desk.floor.command("select public.close_position($1, 0.00085)", [id]);
  await watch(desk, 4 * STEP_MS);

  await desk.assertGuarded("0.00084835");
});

Deno.test("a halt that the engine learns from a refused sale is told, ends the tries, and is over when the symbol trades", async () => {
  await using desk = await holding();
  const { rules } = desk.floor.simulator.state.markets.get("BTCUSDT")!;
  rules.status = "HALT";
  await desk.close();
  await watch(desk, 4 * STEP_MS);

  assert.ok((await desk.alerts()).includes("symbol_not_trading"));
  const placed = desk.placed("SELL");
  await watch(desk, 60_000);
  assert.equal(desk.placed("SELL"), placed, "nothing is sent to a symbol that is known to be halted");
  await desk.assertRemembered(HELD);
  rules.status = "TRADING";
  await watch(desk, 35_000);
  assert.equal((await desk.position()).status, "closed");
  assert.deepEqual(await desk.alerts(), []);
});

Deno.test("a halt that nobody has run into is seen in minutes, and the resting stop stands", async () => {
  await using desk = await holding();
  desk.floor.simulator.state.markets.get("BTCUSDT")!.rules.status = "HALT";
  await watch(desk, MAX_AGE_MS);
  assert.ok((await desk.alerts()).includes("symbol_not_trading"));
  await desk.close();
  await watch(desk, 2 * STEP_MS);
  await desk.assertGuarded();
});

/** Where the owner has coins besides, what rests is cancelled before a sale is placed, and not replaced by it. */
const OWN_COINS = { BTC: "1" };

Deno.test("beside the owner's own coins a sale that a coarser step refuses does not cost the stop, and fits within seconds", async () => {
  await using desk = await holding(OWN_COINS);
  desk.setFilter("LOT_SIZE", { stepSize: fixed("0.0001"), minQty: fixed("0.0001") });
  const placed = desk.placed("SELL");
  await desk.close();
  await desk.assertGuarded();
  assert.equal((await desk.position()).status, "open");
  assert.equal(desk.placed("SELL"), placed, "nothing was placed that would be refused");
  await watch(desk, 4 * STEP_MS);

  assert.equal((await desk.position()).status, "closed");
  assert.equal(desk.floor.held(desk.user, "BTC").split("/")[1], "0");
  assert.deepEqual(await desk.alerts(), []);
});

Deno.test("beside the owner's own coins a halt does not cost the stop, and the sale is made when the symbol trades", async () => {
  await using desk = await holding(OWN_COINS);
  const { rules } = desk.floor.simulator.state.markets.get("BTCUSDT")!;
  rules.status = "HALT";
  await desk.close();
  await desk.assertGuarded();
  await watch(desk, 60_000);
  await desk.assertGuarded();
  assert.ok((await desk.alerts()).includes("symbol_not_trading"));
  rules.status = "TRADING";
  await watch(desk, 35_000);
  assert.equal((await desk.position()).status, "closed");
  assert.deepEqual(await desk.alerts(), []);
});
