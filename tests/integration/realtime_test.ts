import assert from "node:assert/strict";
import type { RealtimeChannel, SupabaseClient } from "@supabase/supabase-js";
import { eventually } from "../../local/testing.ts";
import { type Floor, type FloorUser, openFloor } from "./floor.ts";

const LEVELS = { stopLoss: 49000.5, takeProfit: [52000.5] };

let floor: Floor;
let alice: FloorUser;
let bob: FloorUser;
const traders = new Map<string, string>();

Deno.test.beforeAll(async () => {
  floor = await openFloor({ price_broadcast_ms: 0 });
  await floor.price("BTCUSDT", { bid: "50000.1", ask: "50001.1" });
  [alice, bob] = [await floor.user("alice"), await floor.user("bob")];
  for (const user of [alice, bob]) traders.set(user.id, await floor.trader(user));
});
Deno.test.afterAll(async () => {
  await Promise.all([alice, bob].map(({ client }) => client.removeAllChannels()));
  for (const { client } of [alice, bob]) await client.realtime.disconnect();
  await floor.stop();
});

type Payload = Readonly<Record<string, unknown>>;

/** Joins and resolves with the first status the server gave. */
function join(channel: RealtimeChannel): Promise<string> {
  return new Promise((resolve) => channel.subscribe((status) => resolve(status)));
}

/** Joins a private channel and collects one event's payloads. */
async function hear(client: SupabaseClient, topic: string, event: string) {
  const heard: Payload[] = [];
  const channel = client.channel(topic, { config: { private: true } });
  channel.on("broadcast", { event }, ({ payload }) => heard.push(payload as Payload));
  return { heard, status: await join(channel), channel };
}

/** Joins row changes of a table and waits until the server says that it watches. */
async function watch(client: SupabaseClient, table: string) {
  const changes: { eventType: string; new: Payload }[] = [];
  const channel = client.channel(`watch ${table} ${crypto.randomUUID()}`);
  const confirmed = new Promise<void>((resolve) => channel.on("system", {}, () => resolve()));
  channel.on(
    "postgres_changes",
    { event: "*", schema: "public", table },
    (change) => changes.push({ eventType: change.eventType, new: change.new }),
  );
  assert.equal(await join(channel), "SUBSCRIBED");
  await confirmed;
  return { changes, channel };
}

function enter(user: FloorUser): Promise<string> {
  return floor.enter(traders.get(user.id)!, "BTCUSDT", LEVELS);
}

Deno.test("the private channel of a user is refused to another user and without one", async () => {
  const anonymous = floor.stack.anonymous();
  for (const client of [bob.client, anonymous]) {
    assert.equal((await hear(client, `user:${alice.id}`, "position")).status, "CHANNEL_ERROR");
  }
  await anonymous.removeAllChannels();
  await anonymous.realtime.disconnect();
});

Deno.test("a user hears of their own position on their channel, money as text, each version once", async () => {
  const { heard, status, channel } = await hear(alice.client, `user:${alice.id}`, "position");
  assert.equal(status, "SUBSCRIBED");
  const positionId = await enter(alice);
  await alice.client.rpc("close_position", { p_position_id: positionId });
  await floor.reached(positionId, "closed");
  await eventually("two messages", () => heard.length >= 2 || null);

  const positions = heard.map((payload) => payload["position"] as Payload);
  assert.deepEqual(positions.map(({ id, status }) => [id, status]), [[positionId, "open"], [
    positionId,
    "closed",
  ]]);
  const [row] = await floor.sql`
    select trim_scale(realized_pnl)::text as pnl, trim_scale(entry_price)::text as entry from public.positions where id = ${positionId}`;
  assert.deepEqual([positions[1]!["realized_pnl"], positions[1]!["entry_price"]], [
    row!["pnl"],
    row!["entry"],
  ]);
  const versions = heard.map((payload) => payload["version"] as number);
  assert.equal(versions[1], versions[0]! + 1);
  await alice.client.removeChannel(channel);
});

Deno.test("a denial is told to its owner with its code", async () => {
  const { heard, channel } = await hear(alice.client, `user:${alice.id}`, "signal");
  const signalId = await floor.decide(traders.get(alice.id)!, "NOSUCHUSDT", LEVELS);
  const [message] = await eventually("the denial", () => heard.length > 0 ? heard : null);
  assert.deepEqual([message!["signal_id"], message!["status"], message!["code"]], [
    signalId,
    "rejected",
    "symbol_unknown",
  ]);
  await alice.client.removeChannel(channel);
});

for (const table of ["positions", "orders", "trades", "paper_balances"] as const) {
  Deno.test(`changes of ${table} reach their owner and nobody else`, async () => {
    const [ofAlice, ofBob] = [await watch(alice.client, table), await watch(bob.client, table)];
    // Bob's own row comes after Alice's: once it is here, hers would have been, too.
    await enter(alice);
    await enter(bob);
    const owners = (
      changes: typeof ofBob.changes,
    ) => [...new Set(changes.map((change) => change.new["user_id"]))];
    await eventually("Bob's change", () => owners(ofBob.changes).includes(bob.id) || null);
    await eventually("Alice's change", () => owners(ofAlice.changes).includes(alice.id) || null);
    assert.deepEqual([owners(ofAlice.changes), owners(ofBob.changes)], [[alice.id], [bob.id]]);
    await alice.client.removeChannel(ofAlice.channel);
    await bob.client.removeChannel(ofBob.channel);
  });
}

Deno.test("changes of signals reach the owner of their trader and nobody else", async () => {
  const [ofAlice, ofBob] = [await watch(alice.client, "signals"), await watch(bob.client, "signals")];
  await enter(alice);
  await enter(bob);
  const seen = (
    changes: typeof ofBob.changes,
  ) => [...new Set(changes.map((change) => change.new["trader_id"]))];
  await eventually(
    "Bob's change",
    () => ofBob.changes.some((one) => one.new["status"] === "in_position") || null,
  );
  await eventually(
    "Alice's",
    () => ofAlice.changes.some((one) => one.new["status"] === "in_position") || null,
  );
  assert.deepEqual([seen(ofAlice.changes), seen(ofBob.changes)], [[traders.get(alice.id)], [
    traders.get(bob.id),
  ]]);
  await alice.client.removeChannel(ofAlice.channel);
  await bob.client.removeChannel(ofBob.channel);
});

Deno.test("every signed-in user hears the market's prices as text, one message a tick", async () => {
  const { heard, status, channel } = await hear(bob.client, "market", "prices");
  assert.equal(status, "SUBSCRIBED");
  await floor.price("BTCUSDT", { bid: "50002.34", ask: "50003.45" });
  const [message] = await eventually("prices", () => heard.length > 0 ? heard : null);
  const line = (message!["prices"] as unknown[][]).find(([symbol]) => symbol === "BTCUSDT");
  assert.deepEqual(line?.slice(0, 3), ["BTCUSDT", "50002.34", "50003.45"]);
  assert.equal(heard.length, 1);
  await bob.client.removeChannel(channel);
});

Deno.test("the market's prices are refused without a user", async () => {
  const anonymous = floor.stack.anonymous();
  assert.equal((await hear(anonymous, "market", "prices")).status, "CHANNEL_ERROR");
  await anonymous.removeAllChannels();
  await anonymous.realtime.disconnect();
});

Deno.test("a user cannot speak on a channel they may hear", async () => {
  const { heard, channel } = await hear(alice.client, `user:${alice.id}`, "position");
  const forger = await floor.stack.signIn(alice.email, alice.password);
  const mouth = forger.channel(`user:${alice.id}`, { config: { private: true, broadcast: { self: true } } });
  assert.equal(await join(mouth), "SUBSCRIBED");
  await mouth.send({ type: "broadcast", event: "position", payload: { position: { id: "forged" } } });
  // The real one comes after the forged one; were that passed on, it would stand first.
  const positionId = await enter(alice);
  await eventually("the real message", () => heard.length > 0 || null);
  assert.equal((heard[0]!["position"] as Payload)["id"], positionId);
  await forger.removeAllChannels();
  await forger.realtime.disconnect();
  await alice.client.removeChannel(channel);
});
