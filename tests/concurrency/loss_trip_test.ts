import assert from "node:assert/strict";
import { allDone, withYard, type Yard } from "./yard.ts";

const TRADERS = 4;
const POSITIONS = 6;
const ROUNDS = 15;
const WORKERS = 4;
const LEVELS = { entry: 50_001, stopLoss: 49_000 };
/** Each of the positions loses about 2.2 USDT at its stop: some of them are enough for either limit. */
const OWN_LIMIT = { max_position_quote: 200, max_exposure_quote: 5_000, max_daily_loss_quote: 20 };
const ALL_LIMIT = { max_daily_loss_quote: 60 };

async function openPositions(yard: Yard, traders: readonly string[]): Promise<void> {
  for (const traderId of traders) {
    for (const signalId of await yard.signals(traderId, POSITIONS)) {
      await yard.decide(traderId, signalId, LEVELS);
    }
  }
  await yard.crew(WORKERS);
}

/** A command as the user's page gives it. */
async function asOwner(
  yard: Yard,
  userId: string,
  text: string,
  args: readonly (string | null)[] = [],
): Promise<void> {
  await yard.sql.begin(async (tx) => {
    await tx`select set_config('request.jwt.claims', ${
      JSON.stringify({ sub: userId, role: "authenticated" })
    }, true)`;
    await tx.unsafe(text, [...args]);
  });
}

/** The portfolio whose limit trips, of the user that a command names. */
const PAPER = "trading.portfolio_id($1, 'paper')";

/** What keeps happening beside the exits: sweeps with their watch, and the owner pausing and resuming by force. */
async function meddle(yard: Yard, userId: string, traders: readonly string[]): Promise<void> {
  for (let n = 0; n < ROUNDS; n++) {
    await allDone([
      yard.sql`select trading.sweep()`,
      asOwner(yard, userId, "select public.pause_trading('user', $1, 'a look')", [userId]),
      asOwner(yard, userId, `select public.pause_trading('portfolio', ${PAPER}, 'a look')`, [userId]),
      asOwner(yard, userId, "select public.pause_trading('trader', $1, 'a look')", [traders[n % TRADERS]!]),
    ]);
    await asOwner(yard, userId, "select public.resume_trading('user', $1, 'it was nothing')", [userId]);
    await asOwner(yard, userId, `select public.resume_trading('portfolio', ${PAPER}, 'I know', true)`, [
      userId,
    ]);
  }
}

Deno.test("losing closes, sweeps, pauses and resumes at once trip each limit without a deadlock or a second alert", async () => {
  await withYard("loss_trip", async (yard) => {
    const user = await yard.user();
    const traders: string[] = [];
    for (let n = 0; n < TRADERS; n++) {
      traders.push(await yard.trader(user.id, {}, { ...OWN_LIMIT, max_daily_loss_quote: 20 + n }));
    }
    await asOwner(yard, user.id, "select public.set_risk_limits($1::text::jsonb, p_mode => 'paper')", [
      JSON.stringify(ALL_LIMIT),
    ]);
    await openPositions(yard, traders);
    const [before] = await yard.sql`select count(*)::int as open from public.positions where status = 'open'`;
    assert.ok(before!["open"] >= TRADERS * 4, `only ${before!["open"]} positions`);

    await yard.price("BTCUSDT", { bid: "48000", ask: "48001" });
    await yard.crew(WORKERS, meddle(yard, user.id, traders));
    await yard.sql`select trading.sweep()`;
    await yard.crew(WORKERS);

    const [row] = await yard.sql`
      select (select count(*)::int from public.positions where status <> 'closed') as open,
        (select count(*)::int from (select 1 from trading.loss_trips where resumed_at is null group by scope_id, rule having count(*) > 1) x) as twice,
        (select count(*)::int from (select 1 from public.alerts where resolved_at is null group by code, subject_id having count(*) > 1) x) as alerts,
        (select count(*)::int from trading.loss_trips where scope = 'account') as account_trips,
        (select count(*)::int from trading.loss_trips where scope = 'portfolio') as portfolio_trips,
        (select count(*)::int from trading.loss_trips t where resumed_at is null and not exists (
          select from trading.trading_states s where s.scope_id = t.scope_id and s.state <> 'active')) as without_state`;
    assert.deepEqual({ ...row }, {
      open: 0,
      twice: 0,
      alerts: 0,
      account_trips: TRADERS,
      portfolio_trips: row!["portfolio_trips"],
      without_state: 0,
    });
    assert.ok(row!["portfolio_trips"] >= 1);
    await yard.assertBooks();
  });
});
