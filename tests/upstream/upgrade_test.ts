import assert from "node:assert/strict";
import postgres from "postgres";
import { type Stack, startStack } from "../../local/stack.ts";
import { eventually } from "../../local/testing.ts";
import { seedUser } from "../../local/users.ts";
import { applyTick, checkBooks, listInstruments } from "../../scripts/lib/desk.ts";
import { pushMigrations } from "../../scripts/lib/supabase_cli.ts";
import { instrumentFor } from "../../supabase/functions/_shared/domain/market/instruments.ts";
import { createClient } from "@supabase/supabase-js";
import { makeFastTempDir } from "../harness/temp_dir.ts";
import { quoteOf } from "../integration/floor.ts";
import {
  install,
  LIVE_TABLES,
  OLD_TABLES,
  onlyColumnsOf,
  policiesOf,
  publishedTables,
  rowsOf,
  structuresOf,
  triggersOf,
} from "./installation.ts";

const ALICE = "0a000000-0000-4000-8000-000000000001";
const BREAKOUT = "a0000000-0000-4000-8000-000000000001";
const QUOTED = "a0000000-0000-4000-8000-000000000002";
const BUILT_IN = "a0000000-0000-4000-8000-000000000003";

/** Everything the migrations must leave as it was. */
type Picture = Awaited<ReturnType<typeof picture>>;

let stack: Stack;
let dataDir: string;
let before: Picture;

async function picture(sql: postgres.Sql, oldSchema: "public" | "legacy") {
  return {
    live: await rowsOf(sql, "public", LIVE_TABLES),
    old: await rowsOf(sql, oldSchema, OLD_TABLES),
    livePolicies: await policiesOf(sql, "public", LIVE_TABLES),
    oldPolicies: await policiesOf(sql, oldSchema, OLD_TABLES),
    liveTriggers: await triggersOf(sql, "public", LIVE_TABLES),
    oldTriggers: await triggersOf(sql, oldSchema, OLD_TABLES),
    liveStructures: await structuresOf(sql, "public", LIVE_TABLES),
    oldStructures: await structuresOf(sql, oldSchema, OLD_TABLES),
    published: await publishedTables(sql),
  };
}

Deno.test.beforeAll(async () => {
  dataDir = await makeFastTempDir("fillbase-");
  stack = await startStack({
    dataDir,
    port: 0,
    durability: "fast",
    prewarm: ["execute-trade"],
    log: () => {},
    async applyMigrations(url) {
      const sql = postgres(url, { max: 1, onnotice: () => {} });
      await install(sql, ["schema", "rows", "old_trading_tables"]);
      before = await picture(sql, "public");
      await sql.end();
      await pushMigrations(url);
    },
  });
});
Deno.test.afterAll(async () => {
  await stack.stop();
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("the fixture has rows in every table that the migrations meet", () => {
  const empty = [...before.live, ...before.old].filter(([, rows]) => rows.length === 0).map(([table]) =>
    table
  );
  assert.deepEqual(empty, []);
});

Deno.test("the live tables keep every row and every value, and gain columns only", async () => {
  const { live } = await picture(stack.sql, "legacy");
  assert.deepEqual(onlyColumnsOf(before.live, live), before.live);
  const filters = await stack
    .sql`select jsonb_typeof(filter) as kind from public.traders where id = ${QUOTED}`;
  assert.deepEqual([...filters], [{ kind: "string" }]);
});

Deno.test("the six tables of the earlier design lie in schema legacy, whole", async () => {
  const now = await picture(stack.sql, "legacy");
  assert.deepEqual(now.old, before.old);
  assert.deepEqual(now.oldPolicies, before.oldPolicies);
  assert.deepEqual(now.oldTriggers, before.oldTriggers);
  assert.deepEqual(now.oldStructures, before.oldStructures);
});

Deno.test("no user and no key can reach the tables in schema legacy over the API", async () => {
  for (const key of [stack.publishableKey, stack.secretKey]) {
    const client = createClient(stack.url, key, { db: { schema: "legacy" } });
    const { error } = await client.from("exchange_credentials").select("*");
    assert.ok(error);
  }
});

Deno.test("policies, triggers, indexes, constraints and publication of the live tables are kept", async () => {
  const now = await picture(stack.sql, "legacy");
  assert.deepEqual(now.livePolicies, before.livePolicies);
  const missing = (was: string[], is: string[]) => was.filter((line) => !is.includes(line));
  assert.deepEqual(missing(before.liveTriggers, now.liveTriggers), []);
  // The check on the status of signals is replaced by a wider one.
  assert.deepEqual(missing(before.liveStructures, now.liveStructures), ["signals: signals_status_check c"]);
  assert.deepEqual(missing(before.published, now.published), []);
  assert.ok(now.published.includes("public.positions"));
});

Deno.test("the check on a signal's status keeps what it allowed and allows rejected too", async () => {
  const attempt = async (status: string): Promise<string> => {
    const outcome = stack.sql.begin(async (tx) => {
      await tx`insert into public.signals (trader_id, symbol, interval, timestamp, price_at_signal, source, status)
        values (${BUILT_IN}, 'BTCUSDT', '5m', now(), 1, 'cloud', ${status})`;
      throw new Error("rolled back");
    });
    return await outcome.then(() => "", (error) => error.code ?? error.message);
  };
  const states = [
    "new",
    "monitoring",
    "ready",
    "in_position",
    "completed",
    "expired",
    "archived",
    "rejected",
  ];
  for (const status of states) assert.equal(await attempt(status), "rolled back", status);
  assert.equal(await attempt("bogus"), "23514");
});

Deno.test("decisions from before the engine make no job", async () => {
  const [row] = await stack.sql`select count(*)::int as jobs from trading.jobs`;
  assert.equal(row!["jobs"], 0);
});

Deno.test("pushing again is a no-op", async () => {
  const state = async () => ({
    picture: await picture(stack.sql, "legacy"),
    migrations: [...await stack.sql`select * from supabase_migrations.schema_migrations order by version`],
    settings: [...await stack.sql`select installation_tag, armed_at from trading.settings`],
    schedule: [...await stack.sql`select jobname, schedule, command from cron.job order by jobname`],
  });
  const first = await state();
  await pushMigrations(stack.database.url);
  assert.deepEqual(await state(), first);
});

/** A signal and its analysis with the columns the old backend knows, and nothing else. */
async function analyse(traderId: string): Promise<string> {
  const service = createClient(stack.url, stack.secretKey);
  const { data, error } = await service.from("signals").insert({
    trader_id: traderId,
    symbol: "BTCUSDT",
    interval: "15m",
    timestamp: new Date().toISOString(),
    price_at_signal: 50000,
    source: "cloud",
  }).select("id").single();
  if (error) throw error;
  const { error: refused } = await service.from("signal_analyses").insert({
    signal_id: data.id,
    trader_id: traderId,
    user_id: ALICE,
    decision: "enter_trade",
    confidence: 90,
    reasoning: "breakout",
    key_levels: { entry: 50000, stopLoss: "49000", takeProfit: [52000] },
    model_name: "some model",
  });
  if (refused) throw refused;
  return data.id;
}

function settled(signalId: string) {
  return eventually("the signal's fate", async () => {
    const [row] = await stack
      .sql`select status, rejection_code as code from public.signals where id = ${signalId}`;
    return row?.["status"] === "ready" ? null : { ...row };
  });
}

Deno.test("the old backend's insert of an analysis keeps working, and now makes a job and a position", async () => {
  const { sql } = stack;
  await listInstruments(sql, [instrumentFor("BTCUSDT")]);
  await applyTick(sql, [quoteOf("BTCUSDT", { bid: "50000", ask: "50001" }, Date.now())]);
  await sql`update trading.settings set max_price_age_ms = 3600000`;
  // Automatic trading was on before the engine came, but nobody had set limits.
  assert.deepEqual(await settled(await analyse(BREAKOUT)), { status: "rejected", code: "no_risk_limits" });
  assert.deepEqual(await settled(await analyse(BUILT_IN)), { status: "rejected", code: "no_owner" });
  assert.deepEqual(await settled(await analyse(QUOTED)), { status: "rejected", code: "auto_execute_off" });

  const alice = createClient(stack.url, stack.publishableKey);
  const credentials = { email: "alice@upstream.test", password: "alice-password-1" };
  await seedUser(sql, credentials);
  assert.equal((await alice.auth.signInWithPassword(credentials)).error, null);
  const limits = { p_limits: { max_position_quote: 200 }, p_trader_id: BREAKOUT };
  assert.equal((await alice.rpc("set_risk_limits", limits)).error, null);
  const signalId = await analyse(BREAKOUT);
  assert.deepEqual(await settled(signalId), { status: "in_position", code: null });
  const { data: open } = await alice.from("positions").select("id, status, signals(id)").single();
  assert.deepEqual([open?.status, open?.signals], ["open", { id: signalId }]);
  await alice.rpc("close_position", { p_position_id: open!.id });
  await eventually("the close", async () => {
    const { data } = await alice.from("positions").select("status").single();
    return data?.status === "closed" || null;
  });
  assert.deepEqual(await settled(signalId), { status: "completed", code: null });
  const books = await checkBooks(sql);
  assert.deepEqual(Object.entries(books).filter(([, count]) => count !== 0), []);
  await alice.auth.stopAutoRefresh();
});
