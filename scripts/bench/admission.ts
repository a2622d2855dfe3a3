/** Many entries at once against one account-wide limit: how many are admitted, and what was at stake at any instant. */
import postgres from "postgres";
import { asService, hireTrader, hireUser } from "../lib/desk.ts";
import { range, symbolOf } from "./desk.ts";

/** What the race came to. */
export interface Admission {
  readonly admitted: number;
  readonly denied: number;
  /** Largest exposure of all samples taken while it ran, in USDT. */
  readonly exposureMax: number;
  readonly samples: number;
}

/** How many race, over how many connections, for how many places. */
export interface Race {
  readonly entries: number;
  readonly traders: number;
  readonly connections: number;
  readonly places: number;
}

const URL_OF_RACE = "http://race.test";
const SECRET = "a secret that arms the race's engine";
/** USDT of one entry; half of one is left over, so that a sixth of five never fits. */
const SIZE = 100;
const LEVELS = { entry: 100, stopLoss: 80 };
const CLOSE_TIMEOUT_S = 2;
/** Workers that compete for locks and leases meet these errors, and try again. */
const COMPETITION = ["55P03", "FB409"];

/** The exposure that admits exactly `places` entries. */
export function exposureLimit(places: number): number {
  return SIZE * places + SIZE / 2;
}

/** Runs a race in a migrated database that has prices. */
export async function raceForPlaces(url: string, race: Race): Promise<Admission> {
  const sql = postgres(url, { max: race.connections, onnotice: () => {} });
  const watcher = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`select trading.arm_installation(${URL_OF_RACE}, ${SECRET}, 'race')`;
    const { userId, signals } = await prepare(sql, race);
    let isOver = false;
    const exposures: number[] = [];
    const watching = (async () => {
      while (!isOver) exposures.push(await exposureOf(watcher, userId));
    })();
    await Promise.all(
      range(race.connections).map(async (n) => {
        for (const signal of signals.filter((_, s) => s % race.connections === n)) await decide(sql, signal);
        await work(sql, `racer-${n}`);
      }),
    ).finally(() => isOver = true);
    await watching;
    const [row] = await sql<{ admitted: number; denied: number }[]>`
      select (select count(*)::int from public.positions p where p.user_id = ${userId}) as admitted,
        (select count(*)::int from public.signals s join public.traders t on t.id = s.trader_id
         where t.user_id = ${userId} and s.rejection_code = 'max_exposure_all') as denied`;
    return { ...row!, exposureMax: Math.max(...exposures), samples: exposures.length };
  } finally {
    await Promise.all([sql.end({ timeout: CLOSE_TIMEOUT_S }), watcher.end({ timeout: CLOSE_TIMEOUT_S })]);
  }
}

interface RacingSignal {
  readonly id: string;
  readonly traderId: string;
}

async function prepare(
  sql: postgres.Sql,
  race: Race,
): Promise<{ userId: string; signals: RacingSignal[] }> {
  const user = await hireUser(sql, "race@example.com");
  const claims = JSON.stringify({ sub: user.id, role: "authenticated" });
  await sql.begin(async (tx) => {
    await tx`select set_config('request.jwt.claims', ${claims}, true)`;
    const limits = { max_exposure_quote: exposureLimit(race.places) };
    await tx`select public.set_risk_limits(${tx.json(limits)}, p_mode => 'paper', p_replace => true)`;
  });
  const settings = { sizing_value: SIZE, max_slippage_percent: 0 };
  const traderIds: string[] = [];
  for (const n of range(race.traders)) {
    traderIds.push(await hireTrader(sql, { userId: user.id, name: `racer ${n}`, settings }));
  }
  const signals = range(race.entries).map((n) => ({
    id: crypto.randomUUID(),
    traderId: traderIds[n % race.traders]!,
  }));
  await sql`insert into public.signals ${
    sql(signals.map(({ id, traderId }) => ({ id, trader_id: traderId, symbol: symbolOf(0) })))
  }`;
  return { userId: user.id, signals };
}

async function decide(sql: postgres.Sql, { id, traderId }: RacingSignal): Promise<void> {
  await sql`
    insert into public.signal_analyses (signal_id, trader_id, decision, confidence, key_levels)
    values (${id}, ${traderId}, 'enter_trade', 80, ${sql.json(LEVELS)})`;
}

/** Claims and executes until nothing is queued or running. */
async function work(sql: postgres.Sql, worker: string): Promise<void> {
  for (;;) {
    const [claim] = await sql`
      select trading.claim_jobs(${worker}, 2, ${URL_OF_RACE}, ${SECRET}) -> 'jobs' as jobs,
        exists (select from trading.jobs where status in ('queued', 'running')) as busy`;
    if (claim!["jobs"].length === 0 && !claim!["busy"]) return;
    for (const { id, fence } of claim!["jobs"]) {
      await sql`select trading.execute_job(${id}, ${fence}, ${worker})`.then(
        async ([row]) => {
          for (let next = row!["execute_job"].next; next;) {
            const [more] = await sql`select trading.execute_job(${next.id}, ${next.fence}, ${worker})`;
            next = more!["execute_job"].next;
          }
        },
      ).catch(async (error) => {
        if (!COMPETITION.includes(error.code)) throw error;
        await asService(
          sql,
          (tx) => tx`select trading.fail_job(${id}, ${fence}, ${error.code}, ${error.message})`,
        )
          .catch(() => {});
      });
    }
  }
}

async function exposureOf(sql: postgres.Sql, userId: string): Promise<number> {
  const [row] = await sql<{ exposure: number }[]>`
    select (coalesce((select sum(p.cost) from public.positions p where p.user_id = ${userId}), 0)
      + coalesce((select sum(r.amount) from trading.reservations r join public.orders o on o.id = r.order_id
                  where o.user_id = ${userId} and r.released_at is null), 0))::float8 as exposure`;
  return row!.exposure;
}
