import assert from "node:assert/strict";
import type { SupabaseClient } from "@supabase/supabase-js";
import { type Floor, type FloorUser, openFloor } from "./floor.ts";

/** Tables that users read and nobody but the engine or the AI's backend writes. */
const READ_ONLY = [
  "positions",
  "orders",
  "trades",
  "paper_balances",
  "alerts",
  "audit_log",
  "risk_limits",
  "signals",
  "signal_analyses",
  "workflow_schedules",
] as const;
const DENIED = "42501";

interface Desk extends FloorUser {
  readonly traderId: string;
  readonly signalId: string;
  readonly positionId: string;
}

let floor: Floor;
let alice: Desk;
let bob: Desk;

Deno.test.beforeAll(async () => {
  floor = await openFloor();
  await floor.price("BTCUSDT", { bid: "50000.1", ask: "50001.1" });
  alice = await openDesk("alice");
  bob = await openDesk("bob");
  await floor.idle();
});
Deno.test.afterAll(() => floor.stop());

/** A user with a row in every table. */
async function openDesk(name: string): Promise<Desk> {
  const user = await floor.user(name);
  const traderId = await floor.trader(user);
  const signalId = await floor.decide(traderId, "BTCUSDT", { stopLoss: 49000.5, takeProfit: [52000.5] });
  const { positionId } = await floor.fate(signalId);
  assert.ok(positionId);
  await floor
    .sql`select trading.raise_alert(now(), 'warning', 'test', ${user.id}, 'user', ${user.id}, 'A test.')`;
  return { ...user, traderId, signalId, positionId };
}

/** Everything in the public tables, to show that nothing changed. */
async function everything(): Promise<string> {
  const texts = await Promise.all([...READ_ONLY, "traders"].map(async (table) => {
    const rows = await floor.sql`select t::text as line from public.${floor.sql(table)} t order by 1`;
    return `${table}:${rows.map((row) => row["line"]).join("\n")}`;
  }));
  return texts.join("\n");
}

/** The column that says whose row it is: the user's id, or the trader's where a table has no user. */
function ownerColumn(table: string): "user_id" | "trader_id" {
  return ["signals", "signal_analyses", "workflow_schedules"].includes(table) ? "trader_id" : "user_id";
}

for (const table of [...READ_ONLY, "traders"] as const) {
  Deno.test(`a user sees rows of ${table} that are their own and none of another user`, async () => {
    const column = ownerColumn(table);
    for (const [reader, other] of [[alice, bob], [bob, alice]] as const) {
      const { data, error } = await reader.client.from(table).select(column);
      assert.equal(error, null);
      const owners = new Set((data as Record<string, string>[]).map((row) => row[column]));
      assert.deepEqual([...owners], [column === "user_id" ? reader.id : reader.traderId]);
      const { data: foreign } = await reader.client.from(table).select("*")
        .eq(column, column === "user_id" ? other.id : other.traderId);
      assert.deepEqual(foreign, []);
    }
  });

  Deno.test(`without a user nothing of ${table} can be read`, async () => {
    const { data, error } = await floor.stack.anonymous().from(table).select("*");
    assert.ok(error?.code === DENIED || data?.length === 0, JSON.stringify({ data, error }));
  });
}

for (const table of READ_ONLY) {
  Deno.test(`a user can neither insert, change nor delete rows of ${table}, not even their own`, async () => {
    const before = await everything();
    const column = ownerColumn(table);
    const owner = column === "user_id" ? alice.id : alice.traderId;
    for (const user of [alice, bob]) {
      const attempts = {
        insert: await user.client.from(table).insert({ [column]: owner } as never),
        update: await user.client.from(table).update({ [column]: owner } as never).eq(column, owner),
        delete: await user.client.from(table).delete().eq(column, owner),
      };
      for (const [verb, { error }] of Object.entries(attempts)) assert.equal(error?.code, DENIED, verb);
    }
    assert.equal(await everything(), before);
  });
}

for (const table of ["positions", "orders", "trades", "paper_balances", "audit_log"] as const) {
  Deno.test(`even the secret key cannot write ${table}: only the engine's commands can`, async () => {
    const before = await everything();
    const { service } = floor.stack;
    const column = ownerColumn(table);
    const { error: insert } = await service.from(table).insert({ user_id: alice.id });
    const { error: update } = await service.from(table).update({ user_id: bob.id }).eq(column, alice.id);
    const { error: remove } = await service.from(table).delete().eq(column, alice.id);
    assert.deepEqual([insert?.code, update?.code, remove?.code], [DENIED, DENIED, DENIED]);
    assert.equal(await everything(), before);
  });
}

Deno.test("a user changes their own trader, but neither another's nor into another's hands", async () => {
  const { data: mine } = await alice.client.from("traders").update({ description: "mine" }).eq(
    "id",
    alice.traderId,
  ).select("description");
  assert.deepEqual(mine, [{ description: "mine" }]);

  const before = await everything();
  const { data: theirs } = await bob.client.from("traders").update({ description: "stolen" }).eq(
    "id",
    alice.traderId,
  ).select();
  const { data: removed } = await bob.client.from("traders").delete().eq("id", alice.traderId).select();
  assert.deepEqual([theirs, removed], [[], []]);
  const given = await bob.client.from("traders").update({ user_id: alice.id }).eq("id", bob.traderId);
  const forged = await bob.client.from("traders").insert({ name: "forged", user_id: alice.id });
  assert.deepEqual([given.error?.code, forged.error?.code], [DENIED, DENIED]);
  assert.equal(await everything(), before);
});

Deno.test("a trader with an open position cannot be deleted, and the refusal says what to do", async () => {
  const { error } = await alice.client.from("traders").delete().eq("id", alice.traderId);
  assert.match(error?.message ?? "", /^trader_has_open_positions: /);
  assert.match(error?.hint ?? "", /Close its positions first/);
});

/** Commands on what belongs to Alice, as anybody may try them. */
const COMMANDS = {
  close_position: () => ({ p_position_id: alice.positionId }),
  cancel_entry: () => ({ p_position_id: alice.positionId }),
  preview_entry: () => ({ p_signal_id: alice.signalId }),
  set_risk_limits: () => ({ p_limits: { max_position_quote: 1e6 }, p_trader_id: alice.traderId }),
  top_up_paper_account: () => ({ p_trader_id: alice.traderId, p_amount: 1e6 }),
  reset_paper_account: () => ({ p_trader_id: alice.traderId }),
} as const;

for (const [name, args] of Object.entries(COMMANDS)) {
  Deno.test(`${name} on another user's row answers as if there were no such row`, async () => {
    const before = await everything();
    const foreign = await bob.client.rpc(name, args());
    assert.match(foreign.error?.message ?? "", /^(position|signal|trader)_not_found: /);
    assert.equal(foreign.error?.code, "FB404");
    const anonymous = await floor.stack.anonymous().rpc(name, args());
    assert.equal(anonymous.error?.code, DENIED);
    assert.equal(await everything(), before);
  });
}

Deno.test("nothing of the engine's schema can be read or called by a user or anonymously", async () => {
  const refused = async (client: SupabaseClient) => {
    const engine = client.schema("trading");
    const answers = await Promise.all([
      engine.from("jobs").select("*"),
      engine.from("settings").select("*"),
      engine.from("ledger_entries").select("*"),
      engine.rpc("bell_token"),
      engine.rpc("apply_prices", { p_quotes: [] }),
      engine.rpc("claim_jobs", { p_worker: "w", p_limit: 1, p_url: "http://x", p_secret: "x" }),
    ]);
    return answers.map(({ error }) => error?.code);
  };
  const all = Array(6).fill(DENIED);
  assert.deepEqual(await refused(alice.client), all);
  assert.deepEqual(await refused(floor.stack.anonymous()), all);
});

Deno.test("after every attempt the books are zero", async () => {
  assert.deepEqual(await floor.wrongBooks(), {});
});
