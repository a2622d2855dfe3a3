import assert from "node:assert/strict";
import { allDone, withYard, type Yard } from "./yard.ts";

const TRADERS = 20;
const ENTRIES = 200;
const ADMITTED = 5;
/** Each entry may cost 99.99 at its cap and costs 99.50 once filled: five fit, a sixth does not. */
const LIMIT = 550;
const SAMPLES_MIN = 20;

/** What a user has at stake at one instant: positions at cost and buys that may still fill, from the rows alone. */
async function exposure(yard: Yard): Promise<number> {
  const [row] = await yard.sql`
    select (coalesce((select sum(cost) from public.positions), 0) + coalesce((select sum(amount) from trading.reservations
      where released_at is null), 0))::float8 as exposure`;
  return row!["exposure"];
}

/** Watches the exposure until told to stop; resolves with every sample. */
async function watchExposure(yard: Yard, until: Promise<unknown>): Promise<number[]> {
  let isOver = false;
  const over = until.finally(() => isOver = true);
  const samples: number[] = [];
  while (!isOver) samples.push(await exposure(yard));
  await over;
  return samples;
}

for (const limit of [{ max_exposure_quote: LIMIT }, { max_open_positions: ADMITTED }]) {
  const [name] = Object.keys(limit);
  Deno.test(`200 entries of 20 traders at once pass an account-wide ${name} exactly five times, and at no instant more`, async () => {
    await withYard("exposure", async (yard) => {
      const user = await yard.user();
      const claims = JSON.stringify({ sub: user.id, role: "authenticated" });
      await yard.sql.begin(async (tx) => {
        await tx`select set_config('request.jwt.claims', ${claims}, true)`;
        await tx`select public.set_risk_limits(${tx.json(limit)}, p_mode => 'paper', p_replace => true)`;
      });
      const traders: string[] = [];
      for (let n = 0; n < TRADERS; n++) traders.push(await yard.trader(user.id));
      const signals = await Promise.all(traders.map((id) => yard.signals(id, ENTRIES / TRADERS)));

      const decisions = allDone(traders.map(async (traderId, n) => {
        for (const signalId of signals[n]!) await yard.decide(traderId, signalId);
      }));
      const samples = await watchExposure(yard, yard.crew(6, decisions));

      assert.ok(samples.length >= SAMPLES_MIN, `only ${samples.length} samples`);
      assert.ok(Math.max(...samples) <= LIMIT, `exposure reached ${Math.max(...samples)}`);
      assert.ok(Math.max(...samples) > 400, "the samples saw it rise");
      const [row] = await yard.sql`
        select (select count(*)::int from public.positions where status = 'open') as open,
          (select count(*)::int from public.positions) as positions,
          (select count(*)::int from public.signals where status = 'rejected') as rejected,
          (select array_agg(distinct rejection_code) from public.signals where status = 'rejected') as codes`;
      const code = name === "max_exposure_quote" ? "max_exposure_all" : "max_open_positions_all";
      assert.deepEqual({ ...row }, {
        open: ADMITTED,
        positions: ADMITTED,
        rejected: ENTRIES - ADMITTED,
        codes: [code],
      });
      await yard.assertBooks();
    });
  });
}
