import assert from "node:assert/strict";
import type { RealtimeChannel } from "@supabase/supabase-js";
import { eventually } from "../testing.ts";
import {
  ALICE,
  arrived,
  BOB,
  PUBLISHABLE_KEY,
  type RealtimeTest,
  stopSharedCluster,
  subscribe,
  subscribeToChanges,
  tokenOf,
  withRealtime,
} from "./testing.ts";

interface Change {
  readonly eventType: string;
  readonly new: Record<string, unknown>;
  readonly old: Record<string, unknown>;
  readonly commit_timestamp: string;
  readonly errors: string[] | null;
}

interface Wish {
  readonly event?: "*" | "INSERT" | "UPDATE" | "DELETE";
  readonly table?: string;
  readonly schema?: string;
  readonly filter?: string;
  readonly select?: string[];
}

/** Orders that their owner may see, with a column that nobody may. */
async function createOrders({ sql }: RealtimeTest): Promise<void> {
  await sql.unsafe(`
    create domain public.price as numeric check (value > 0);
    create table public.orders (
      id bigint primary key, user_id uuid not null, symbol text, price public.price, quantity numeric(38, 18),
      placed_at timestamptz, tags text[], detail jsonb, secret text
    );
    alter table public.orders enable row level security;
    revoke all on public.orders from anon, authenticated, service_role;
    grant select (id, user_id, symbol, price, quantity, placed_at, tags, detail) on public.orders to authenticated;
    create policy own on public.orders for select to authenticated using (user_id = (select auth.uid()));
    alter publication supabase_realtime add table public.orders;
  `);
}

async function listen(test: RealtimeTest, user: string | undefined, wish: Wish = {}) {
  const client = await test.client(user);
  const channel = client.channel(`changes ${crypto.randomUUID()}`);
  const changes: Change[] = [];
  const params = { event: "*", schema: "public", table: "orders", ...wish };
  channel.on("postgres_changes", params as never, (change: unknown) => changes.push(change as Change));
  return { changes, channel: channel as RealtimeChannel, confirmation: await subscribeToChanges(channel) };
}

const ids = (changes: readonly Change[]) => changes.map((change) => change.new.id);

Deno.test.afterAll(stopSharedCluster);

Deno.test("row changes reach the owner alone; a DELETE reaches everybody but shows the key only", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const alice = await listen(test, ALICE);
    const bob = await listen(test, BOB);
    assert.deepEqual([alice.confirmation.status, alice.confirmation.message], [
      "ok",
      "Subscribed to PostgreSQL",
    ]);
    await test
      .sql`insert into public.orders (id, user_id, symbol) values (1, ${ALICE}, 'A'), (2, ${BOB}, 'B')`;
    await arrived(alice.changes, 1);
    await test.sql`update public.orders set symbol = 'C' where id = 1`;
    await arrived(alice.changes, 2);
    await test.sql`delete from public.orders where id = 1`;
    await test.sql`delete from public.orders where id = 2`;
    const seen = (await arrived(alice.changes, 4)).map((
      change,
    ) => [change.eventType, change.new.symbol, change.old]);
    assert.deepEqual(seen, [
      ["INSERT", "A", {}],
      ["UPDATE", "C", { id: 1 }],
      ["DELETE", undefined, { id: 1 }],
      ["DELETE", undefined, { id: 2 }],
    ]);
    assert.deepEqual((await arrived(bob.changes, 3)).map(({ eventType, new: row }) => [eventType, row.id]), [
      ["INSERT", 2],
      ["DELETE", undefined],
      ["DELETE", undefined],
    ]);
  });
});

Deno.test("a deleted row with full replica identity still shows the key alone under row level security", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    await test.sql`alter table public.orders replica identity full`;
    const bob = await listen(test, BOB);
    await test.sql`insert into public.orders (id, user_id, symbol) values (1, ${ALICE}, 'A')`;
    await test.sql`delete from public.orders`;
    const [change] = await arrived(bob.changes, 1);
    assert.deepEqual([change!.eventType, change!.old], ["DELETE", { id: 1 }]);
  });
});

Deno.test("values keep their JSON types and digits, and columns without the right to select never leave", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const raw = await rawFrames(test);
    await test.sql`
      insert into public.orders values (1, ${ALICE}, 'Ü"', 12345678901234567890.10, 0.000000000000000001,
        '2026-11-22 19:00:00.123456+00', '{a,"b c"}', '{"x": 1.50}', 'never')`;
    const [frame] = await arrived(raw, 1);
    const expected = [
      '"price": 12345678901234567890.10',
      '"quantity": 0.000000000000000001',
      '"placed_at": "2026-11-22T19:00:00.123456+00:00"',
      '"tags": ["a", "b c"]',
      '"detail": {"x": 1.50}',
      '"symbol": "Ü\\""',
    ];
    for (const part of expected) assert.ok(frame!.includes(part), `${part} in ${frame}`);
    assert.ok(!frame!.includes("secret") && !frame!.includes("never"), frame);
    assert.match(frame!, /"commit_timestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"/);
  });
});

/** Text frames of row changes as they come over the wire for Alice. */
async function rawFrames(test: RealtimeTest): Promise<string[]> {
  const frames: string[] = [];
  let isSubscribed = false;
  const query = `apikey=${PUBLISHABLE_KEY}&vsn=2.0.0`;
  const socket = new WebSocket(`${test.url.replace("http", "ws")}/realtime/v1/websocket?${query}`);
  socket.onmessage = ({ data }) => {
    if (data.includes('"postgres_changes",{"ids"')) frames.push(data);
    if (data.includes("Subscribed to PostgreSQL")) isSubscribed = true;
  };
  await new Promise((resolve) => socket.onopen = resolve);
  const config = { postgres_changes: [{ event: "*", schema: "public", table: "orders" }] };
  socket.send(
    JSON.stringify(["1", "1", "realtime:raw", "phx_join", { config, access_token: tokenOf(ALICE) }]),
  );
  await eventually("the subscription", () => isSubscribed || null);
  return frames;
}

Deno.test("filters compare as the column's type, all of a list must hold, and not. negates", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const wishes = {
      "id=in.(1,3)": [1, 3],
      [`user_id=eq.${ALICE}`]: [1, 2, 3],
      "price=gt.9.5": [2, 3],
      "price=gt.9.5,symbol=not.eq.C": [2],
      "symbol=like.%A%": [1],
      'symbol=in.("x,y",C)': [3],
      "symbol=is.null": [],
      [`user_id=eq.${BOB}`]: [],
    };
    const listeners = await Promise.all(
      Object.keys(wishes).map((filter) => listen(test, ALICE, { filter, event: "INSERT" })),
    );
    await test.sql`
      insert into public.orders (id, user_id, symbol, price)
      values (1, ${ALICE}, 'A', 9.50), (2, ${ALICE}, 'B', 10), (3, ${ALICE}, 'C', 100)`;
    for (const [index, [filter, expected]] of Object.entries(wishes).entries()) {
      await arrived(listeners[index]!.changes, expected.length);
      assert.deepEqual(ids(listeners[index]!.changes), expected, filter);
    }
  });
});

Deno.test("a filter that cannot work is told to the client, as is a table that is not published", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const cases: Record<string, Wish> = {
      "invalid column for filter nothing": { filter: "nothing=eq.1" },
      "invalid column for filter secret": { filter: "secret=eq.1" },
      'invalid input syntax for type bigint: "x"': { filter: "id=eq.x" },
      "Error parsing `filter` params": { filter: "id~1" },
      "Please check Realtime is enabled for the given connect parameters": { table: "unpublished" },
    };
    for (const [reason, wish] of Object.entries(cases)) {
      const { confirmation } = await listen(test, ALICE, wish);
      assert.equal(confirmation.status, "error", reason);
      assert.ok(confirmation.message.includes(reason), `${reason} in ${confirmation.message}`);
    }
  });
});

Deno.test("a table that a migration publishes later is heard without a restart", async () => {
  await withRealtime(async (test) => {
    const { changes } = await listen(test, undefined, { table: "later" });
    await test.sql.unsafe(`
      create table public.later (id integer primary key);
      grant select on public.later to anon;
      alter publication supabase_realtime add table public.later;
      insert into public.later values (7);
    `);
    await test.sql`insert into public.later values (8)`;
    await eventually("the change", () => ids(changes).includes(8) || null);
  });
});

Deno.test("a filter cannot probe a column without the right to select, even on a table published later", async () => {
  await withRealtime(async (test) => {
    const [prober, witness] = await Promise.all([
      listen(test, ALICE, { filter: "secret=eq.hidden" }),
      listen(test, ALICE),
    ]);
    await createOrders(test);
    await test.sql`insert into public.orders (id, user_id, secret) values (1, ${ALICE}, 'hidden')`;
    await arrived(witness.changes, 1);
    assert.deepEqual(prober.changes, []);
  });
});

Deno.test("a change of a policy or a grant counts from the next row on", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const [bob, witness] = [await listen(test, BOB), await listen(test, ALICE)];
    await test.sql`insert into public.orders (id, user_id) values (1, ${ALICE})`;
    await arrived(witness.changes, 1);
    await test.sql`alter policy own on public.orders using (true)`;
    await test.sql`insert into public.orders (id, user_id) values (2, ${ALICE})`;
    await arrived(bob.changes, 1);
    await test.sql`revoke select (id) on public.orders from authenticated`;
    await test.sql`insert into public.orders (id, user_id) values (3, ${ALICE})`;
    const [, refused] = await arrived(bob.changes, 2);
    assert.deepEqual(ids(bob.changes), [2, undefined]);
    assert.deepEqual(refused!.errors, ["Error 401: Unauthorized"]);
  });
});

Deno.test("a policy that fails for one listener tells it so and spares the others", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    await test.sql.unsafe(`
      create policy fragile on public.orders for select to authenticated
      using (1 / (case when (select auth.uid()) = '${BOB}' then 0 else 1 end) = 1)`);
    const [alice, bob] = await Promise.all([listen(test, ALICE), listen(test, BOB)]);
    await test.sql`insert into public.orders (id, user_id) values (1, ${ALICE})`;
    assert.deepEqual(ids(await arrived(alice.changes, 1)), [1]);
    const [failed] = await arrived(bob.changes, 1);
    assert.deepEqual(failed!.errors, ["Error 500: Internal Server Error, RLS policy evaluation failed"]);
    assert.deepEqual(failed!.new, {});
  });
});

Deno.test("select cuts the record to the wanted columns and the key", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const { changes } = await listen(test, ALICE, { select: ["symbol"] });
    await test.sql`insert into public.orders (id, user_id, symbol) values (1, ${ALICE}, 'A')`;
    const [change] = await arrived(changes, 1);
    assert.deepEqual(change!.new, { id: 1, symbol: "A" });
  });
});

Deno.test("two subscriptions of one channel each get what they asked for", async () => {
  await withRealtime(async (test) => {
    await createOrders(test);
    const channel = (await test.client(ALICE)).channel("both");
    const [inserts, deletes]: unknown[][] = [[], []];
    const table = { schema: "public", table: "orders" };
    channel.on("postgres_changes", { event: "INSERT", ...table }, (change) => inserts!.push(change.new));
    channel.on("postgres_changes", { event: "DELETE", ...table }, (change) => deletes!.push(change.old));
    await subscribeToChanges(channel);
    await test.sql`insert into public.orders (id, user_id) values (1, ${ALICE})`;
    await arrived(inserts!, 1);
    await test.sql`delete from public.orders`;
    await arrived(deletes!, 1);
    assert.deepEqual([inserts!.length, deletes], [1, [{ id: 1 }]]);
  });
});

Deno.test("with wait, the join itself is refused when the subscription cannot stand", async () => {
  await withRealtime(async (test) => {
    const channel = (await test.client()).channel("waiting", {
      config: { postgres_changes_options: { wait: true } },
    });
    channel.on("postgres_changes", { event: "*", schema: "public", table: "unpublished" }, () => {});
    const { status, message } = await subscribe(channel);
    assert.equal(status, "CHANNEL_ERROR");
    assert.match(message, /^RealtimeDisabledForConfiguration: Unable to subscribe/);
  });
});
