import assert from "node:assert/strict";
import { forgetOldest } from "../../simulator/engine/history.ts";
import { cloneDatabase } from "../harness/database.ts";
import { playLiveDay } from "../soak/live_day.ts";
import { Truth } from "./truth.ts";
import type { World } from "./world.ts";

/** Some minutes of live trading, seen by a truth that is given to `then` before the last look. */
async function afterMinutes(then: (truth: Truth, world: World) => Promise<void> | void): Promise<void> {
  await using database = await cloneDatabase("truth");
  const quiet = { seed: 7, hours: 0.1, afterStep: () => Promise.resolve() };
  await playLiveDay(database, quiet, async (world) => {
    const truth = new Truth();
    assert.deepEqual(await truth.look(world), []);
    await then(truth, world);
  });
}

/** The exchange forgets every order that is over; how many it still has. */
function forgetAll({ simulator: { state } }: World): number {
  for (const market of state.markets.values()) forgetOldest(state, market, 0);
  return [...state.markets.values()].reduce((sum, { orders }) => sum + orders.size, 0);
}

Deno.test("of a forgotten order nothing may be heard any more", async () => {
  await afterMinutes(async (truth, world) => {
    const open = forgetAll(world);
    truth.forget(world);
    assert.deepEqual([await truth.look(world), [...truth.lost()]], [[], []]);
    const [touched] = await world.sql<{ n: number }[]>`
      with touched as (update public.orders o set id = o.id where o.finished_at is not null and o.filled_quantity > 0 returning 1)
      select count(*)::int as n from touched`;
    const found = (await truth.look(world)).map(({ invariant }) => invariant);
    assert.ok(touched!.n > 3 && open > 0, `${touched!.n} touched, ${open} open`);
    assert.deepEqual(found, Array(touched!.n).fill("accepted_is_there"));
  });
});

Deno.test("an order of which the database knows less than the exchange is never forgotten", async () => {
  await afterMinutes((truth, world) => {
    const orders = [...world.simulator.state.markets.values()].flatMap((
      market,
    ) => [...market.orders.values()]);
    const bought = orders.find(({ status }) => status === "FILLED")!;
    bought.executed += 1n;
    forgetAll(world);
    truth.forget(world);
    assert.deepEqual([...truth.lost()].map(({ subject }) => subject), [bought.clientOrderId]);
  });
});
