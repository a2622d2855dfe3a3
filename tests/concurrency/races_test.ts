import assert from "node:assert/strict";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import { allDone, withYard, type Yard } from "./yard.ts";

const SEEDS = [1, 2] as const;
const ROUNDS = 2;
const TICKS = 25;
const SIGNALS = 8;
const WORKERS = 5;
const LEVELS = { entry: 49950, stopLoss: 48850, takeProfit: [51650, 51700] };

/** A market trader, a limit trader and one with small positions whose parts are too small to split. */
const SETTINGS = [
  {},
  { entry_order_type: "limit", entry_timeout_seconds: 1 },
  { sizing_value: 15 },
] as const;

async function decideAll(yard: Yard, traderId: string): Promise<void> {
  for (const signalId of await yard.signals(traderId, SIGNALS)) await yard.decide(traderId, signalId, LEVELS);
}

/** Prices that wander across stops and targets, with wicks. */
async function tick(yard: Yard, seed: number, round: number): Promise<void> {
  const random = randomFor("races", seed, round);
  for (let n = 0; n < TICKS; n++) {
    const bid = 48_900 + random.below(2_700);
    const [low, high] = [bid - random.below(300), bid + 1 + random.below(300)];
    await yard.price("BTCUSDT", { bid: `${bid}`, ask: `${bid + 1}`, low: `${low}`, high: `${high}` });
  }
}

/** Closes whole and in parts, and cancels, whatever is there at the moment; some of it twice. */
async function meddle(yard: Yard, seed: number, round: number): Promise<void> {
  const random = randomFor("meddle", seed, round);
  for (let n = 0; n < TICKS; n++) {
    const rows = await yard.sql<{ id: string }[]>`
      select id from public.positions where status not in ('closed', 'failed') order by id`;
    if (rows.length === 0) continue;
    const { id } = rows[random.below(rows.length)]!;
    const close = "select public.close_position($1, $2::numeric, $3)";
    const request = [id, random.below(2) === 0 ? null : "0.0005", crypto.randomUUID()];
    await allDone([
      yard.command(close, request),
      yard.command(close, request),
      yard.command("select public.cancel_entry($1)", [id]),
    ]);
  }
}

async function sweepOften(yard: Yard): Promise<void> {
  for (let n = 0; n < TICKS; n++) await yard.sql`select trading.sweep()`;
}

async function closeEverything(yard: Yard): Promise<void> {
  await yard.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const rows = await yard.sql<
    { id: string }[]
  >`select id from public.positions where status not in ('closed', 'failed')`;
  for (const { id } of rows) await yard.command("select public.close_position($1)", [id]);
  await yard.crew(WORKERS);
}

/** What the fills alone say: nothing was sold that had not been bought, and no signal has two positions with fills. */
async function assertFills(yard: Yard): Promise<void> {
  const oversold = await yard.sql`
    select position_id from public.trades group by 1
    having sum(case side when 'BUY' then quantity else -quantity end) < 0`;
  assert.deepEqual([...oversold], []);
  const twice = await yard.sql`
    select p.signal_id from public.positions p where exists (select from public.trades t where t.position_id = p.id)
    group by 1 having count(*) > 1`;
  assert.deepEqual([...twice], []);
  const [row] = await yard.sql`
    select count(*)::int as ended, count(*) filter (where status = 'closed')::int as closed from public.positions
    where status in ('closed', 'failed') and quantity = 0 and cost = 0`;
  const [all] = await yard.sql`select count(*)::int as n from public.positions`;
  assert.equal(row!["ended"], all!["n"]);
  assert.ok(row!["closed"] > ROUNDS * SIGNALS, `only ${row!["closed"]} positions lived`);
}

for (const seed of SEEDS) {
  Deno.test(`entries, exits, cancels, ticks and sweeps at once leave all books at zero (seed ${seed})`, async () => {
    await withYard(`races_${seed}`, async (yard) => {
      const user = await yard.user();
      const traders = await Promise.all(SETTINGS.map((settings) => yard.trader(user.id, settings)));
      for (let round = 0; round < ROUNDS; round++) {
        const actors = [
          ...traders.map((id) => decideAll(yard, id)),
          tick(yard, seed, round),
          meddle(yard, seed, round),
          sweepOften(yard),
        ];
        await yard.crew(WORKERS, allDone(actors));
        await yard.assertBooks();
      }
      await closeEverything(yard);
      await yard.assertBooks();
      await assertFills(yard);
      const alerts = await yard.sql`select code, message from public.alerts`;
      assert.deepEqual([...alerts], []);
    });
  });
}
