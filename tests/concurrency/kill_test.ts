// test: alone
import assert from "node:assert/strict";
import postgres from "postgres";
import { eventually } from "../../local/testing.ts";
import { decide, type Decision } from "../../scripts/lib/desk.ts";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import { type Floor, openFloor } from "../integration/floor.ts";

const SEED = 7;
const DECISIONS = 300;
const TRADERS = 10;
/** Decisions come in bursts over some seconds, so that a kill meets work at every stage. */
const PER_COMMIT = 15;
const COMMIT_EVERY_MS = 400;
/** From the moment a worker is seen to its end: from before its first claim to long after it. */
const LIFE_MS = { min: 5, more: 250 } as const;
const SETTLE_TIMEOUT_MS = 40_000;
/** What a client meets while the server is away. */
const AWAY = /CONNECTION|ECONNREFUSED|ECONNRESET|terminat|starting up|shutting down|recovery|closed/i;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function openDesks(floor: Floor): Promise<string[]> {
  await floor.configure({ lease_ms: 1_000, quote_retention_ms: 600_000 });
  await floor.price("BTCUSDT", { bid: "50000", ask: "50001" });
  const ids: string[] = [];
  for (let n = 0; n < TRADERS; n++) ids.push(await floor.trader(await floor.user()));
  return ids;
}

function decisionsOf(traders: readonly string[]): Decision[] {
  return Array.from({ length: DECISIONS }, (_, n): Decision => ({
    signalId: crypto.randomUUID(),
    analysisId: crypto.randomUUID(),
    traderId: traders[n % TRADERS]!,
    symbol: "BTCUSDT",
    confidence: 80,
    levels: { stopLoss: 49000, takeProfit: [52000] },
  }));
}

/** Writes decisions as a backend that tries again when the database was away; nothing is written twice. */
async function writeDecisions(sql: postgres.Sql, decisions: readonly Decision[]): Promise<void> {
  for (let from = 0; from < decisions.length; from += PER_COMMIT) {
    const batch = decisions.slice(from, from + PER_COMMIT);
    await eventually("a commit of decisions", async () => {
      try {
        const ids = batch.map(({ signalId }) => signalId);
        const known = await sql`select 1 from public.signals where id = any (${ids})`;
        if (known.length === 0) await decide(sql, batch);
        return true;
      } catch (error) {
        if (AWAY.test(String(error))) return null;
        throw error;
      }
    });
    await sleep(COMMIT_EVERY_MS);
  }
}

/** False when the process had just ended by itself. */
function killProcess(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGKILL");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Kills the function's process at a seeded moment of its life, again and again; resolves with how many died. */
async function killWorkers(floor: Floor, until: Promise<unknown>): Promise<number> {
  const random = randomFor("kill", SEED);
  let isOver = false;
  const over = until.finally(() => isOver = true);
  let kills = 0;
  while (!isOver) {
    const seen = floor.stack.gateway.functions!.pids("execute-trade");
    await sleep(LIFE_MS.min + random.below(LIFE_MS.more));
    for (
      const pid of floor.stack.gateway.functions!.pids("execute-trade").filter((pid) => seen.includes(pid))
    ) {
      kills += killProcess(pid) ? 1 : 0;
    }
  }
  await over;
  return kills;
}

/** kill -9 of the database server, in the middle of everything; its supervisor starts it again. */
async function killPostgres(floor: Floor): Promise<void> {
  const admin = postgres(floor.stack.database.adminUrl, { max: 1, onnotice: () => {} });
  const [row] = await admin`select current_setting('data_directory') as path`;
  await admin.end();
  const restarted = Promise.withResolvers<void>();
  floor.stack.database.onRestart(restarted.resolve);
  const pid = Number((await Deno.readTextFile(`${row!["path"]}/postmaster.pid`)).split("\n", 1)[0]);
  Deno.kill(pid, "SIGKILL");
  await restarted.promise;
}

/** What became of the signals, and how many jobs were taken over from a dead worker. */
interface Tally {
  readonly signals: number;
  readonly positions: number;
  readonly rejected: number;
  readonly retaken: number;
}

/** Fails unless every signal has exactly one position or a recorded rejection, and all books are zero. */
async function assertNothingLost(floor: Floor): Promise<Tally> {
  await eventually("the end of all jobs", async () => {
    const [row] = await floor
      .sql`select count(*)::int as n from trading.jobs where status in ('queued', 'running')`;
    return row!["n"] === 0 || null;
  }, SETTLE_TIMEOUT_MS);
  const [row] = await floor.sql`
    select count(*)::int as signals, count(*) filter (where positions = 1 and status = 'in_position')::int as positions,
      count(*) filter (where positions = 0 and status = 'rejected' and rejection_code is not null)::int as rejected,
      (select count(*)::int from trading.jobs where attempts > 1) as retaken
    from (select s.status, s.rejection_code, (select count(*) from public.positions p where p.signal_id = s.id) as positions
          from public.signals s) x`;
  const { signals, positions, rejected, retaken } = row as unknown as Tally;
  const dead = await floor.sql`select kind, attempts, last_error from trading.jobs where status = 'dead'`;
  assert.deepEqual([...dead], []);
  assert.equal(signals, DECISIONS);
  assert.equal(positions + rejected, DECISIONS);
  assert.deepEqual(await floor.wrongBooks(), {});
  return { signals, positions, rejected, retaken };
}

async function withDesks(body: (floor: Floor, decisions: Decision[]) => Promise<void>): Promise<void> {
  const floor = await openFloor();
  try {
    await body(floor, decisionsOf(await openDesks(floor)));
  } finally {
    await floor.stop();
  }
}

Deno.test("workers killed at random during 300 decisions: each signal has one position, all books are zero", async () => {
  await withDesks(async (floor, decisions) => {
    const kills = await killWorkers(floor, writeDecisions(floor.sql, decisions));
    const { positions, rejected, retaken } = await assertNothingLost(floor);
    assert.deepEqual([positions, rejected], [DECISIONS, 0]);
    assert.ok(kills >= 3 && retaken > 0, `the kills hit nothing: ${kills} kills, ${retaken} jobs taken over`);
    console.log(
      `note: ${kills} workers killed, ${retaken} of ${DECISIONS} jobs taken over, ${positions} positions`,
    );
  });
});

Deno.test("workers killed and the database killed once in the middle: nothing is lost and nothing is twice", async () => {
  await withDesks(async (floor, decisions) => {
    const [before, burst, after] = [decisions.slice(0, 120), decisions.slice(120, 180), decisions.slice(180)];
    await killWorkers(floor, writeDecisions(floor.sql, before));
    // While a living worker has many commands under way, so that some lose their answer and some their transaction.
    await decide(floor.sql, burst);
    await eventually("the burst under way", async () => {
      const [row] = await floor.sql`select count(*)::int as n from trading.jobs where status = 'running'`;
      return row!["n"] > 0 || null;
    });
    await killPostgres(floor);
    const kills = await killWorkers(floor, writeDecisions(floor.sql, after));
    const { positions, rejected, retaken } = await assertNothingLost(floor);
    assert.deepEqual([positions, rejected], [DECISIONS, 0]);
    console.log(`note: the database and ${kills} workers killed, ${retaken} of ${DECISIONS} jobs taken over`);
  });
});
