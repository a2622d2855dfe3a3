import assert from "node:assert/strict";
import type { RealtimeChannel } from "@supabase/supabase-js";
import { eventually } from "../testing.ts";
import {
  ALICE,
  arrived,
  BOB,
  PUBLISHABLE_KEY,
  type RealtimeTest,
  SECRET_KEY,
  stopSharedCluster,
  subscribe,
  tokenOf,
  withRealtime,
} from "./testing.ts";

interface Received {
  readonly event: string;
  readonly payload: Record<string, unknown>;
}

const own = (user: string) => `user:${user}`;

/** Each user may read and write the topic of their own name. */
async function allowOwnTopic({ sql }: RealtimeTest): Promise<void> {
  await sql`
    create policy own_read on realtime.messages for select to authenticated
    using (realtime.topic() = 'user:' || (select auth.uid())::text)`;
  await sql`
    create policy own_write on realtime.messages for insert to authenticated
    with check (realtime.topic() = 'user:' || (select auth.uid())::text and extension = 'broadcast')`;
}

function record(channel: RealtimeChannel): Received[] {
  const received: Received[] = [];
  channel.on("broadcast", { event: "*" }, (message) => received.push(message as unknown as Received));
  return received;
}

async function joined(test: RealtimeTest, user: string | undefined, topic: string, config = {}) {
  const client = await test.client(user);
  const channel = client.channel(topic, { config: { private: true, ...config } });
  const received = record(channel);
  return { channel, received, outcome: await subscribe(channel) };
}

Deno.test.afterAll(stopSharedCluster);

Deno.test("a private topic admits whom its policies show a row, and refuses others and the anonymous", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const [owner, stranger, anonymous] = await Promise.all([
      joined(test, ALICE, own(ALICE)),
      joined(test, BOB, own(ALICE)),
      joined(test, undefined, own(ALICE)),
    ]);
    assert.equal(owner.outcome.status, "SUBSCRIBED");
    for (const { outcome } of [stranger, anonymous]) {
      assert.deepEqual(outcome, {
        status: "CHANNEL_ERROR",
        message: `Unauthorized: You do not have permissions to read from this Channel topic: ${own(ALICE)}`,
      });
    }
    assert.equal((await test.sql`select from realtime.messages`).length, 0, "probe rows must not stay");
  });
});

Deno.test("a send reaches its topic's subscriber when the transaction commits, and nobody when it rolls back", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const alice = await joined(test, ALICE, own(ALICE));
    const bob = await joined(test, BOB, own(BOB));
    await test.sql.begin(async (tx) => {
      await tx`select realtime.send('{"n": "rolled back"}', 'tick', ${own(ALICE)})`;
      await tx`rollback`;
    });
    await test.sql.begin(async (tx) => {
      await tx`select realtime.send('{"n": "committed"}', 'tick', ${own(ALICE)})`;
      assert.equal(alice.received.length, 0, "nothing may be delivered before the commit");
    });
    await test.sql`select realtime.send('{"n": "for bob"}', 'tick', ${own(BOB)})`;
    await arrived(bob.received, 1);
    const [message, ...more] = await arrived(alice.received, 1);
    assert.deepEqual([message!.event, message!.payload.n, more.length], ["tick", "committed", 0]);
    assert.match(String(message!.payload.id), /^[0-9a-f-]{36}$/);
    assert.equal(bob.received[0]!.payload.n, "for bob");
  });
});

Deno.test("amounts in a payload arrive with every digit, as text and as JSON numbers on the wire", async () => {
  await withRealtime(async (test) => {
    const frames: string[] = [];
    const socket = new WebSocket(
      `${test.url.replace("http", "ws")}/realtime/v1/websocket?apikey=${PUBLISHABLE_KEY}`,
    );
    socket.onmessage = ({ data }) => frames.push(data);
    await new Promise((resolve) => socket.onopen = resolve);
    socket.send(JSON.stringify({ topic: "realtime:prices", event: "phx_join", payload: {}, ref: "1" }));
    await arrived(frames, 1);
    await test.sql`
      select realtime.send('{"id": 1, "text": "0.10000000", "exact": 12345678901234567890.10}', 'e', 'prices', false)`;
    const frame = (await arrived(frames, 2))[1]!;
    assert.ok(frame.includes('"text": "0.10000000"'), frame);
    assert.ok(frame.includes('"exact": 12345678901234567890.10'), frame);
    socket.close();
  });
});

Deno.test("a public and a private topic of one name are two topics", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const open = await joined(test, undefined, own(ALICE), { private: false });
    const closed = await joined(test, ALICE, own(ALICE));
    await test.sql`select realtime.send('{"to": "public"}', 'e', ${own(ALICE)}, false)`;
    await test.sql`select realtime.send('{"to": "private"}', 'e', ${own(ALICE)}, true)`;
    await arrived(closed.received, 1);
    await arrived(open.received, 1);
    assert.deepEqual(closed.received.map(({ payload }) => payload.to), ["private"]);
    assert.deepEqual(open.received.map(({ payload }) => payload.to), ["public"]);
  });
});

Deno.test("bytes from send_binary and from a client arrive as bytes", async () => {
  await withRealtime(async (test) => {
    const options = { private: false, broadcast: { self: true, ack: true } };
    const { channel, received } = await joined(test, undefined, "bytes", options);
    await test.sql`select realtime.send_binary('\\x00ff10'::bytea, 'e', 'bytes', false)`;
    await arrived(received, 1);
    await channel.send({ type: "broadcast", event: "e", payload: Uint8Array.of(1, 2).buffer });
    await arrived(received, 2);
    const bytes = received.map(({ payload }) => [...new Uint8Array(payload as unknown as ArrayBuffer)]);
    assert.deepEqual(bytes, [[0, 255, 16], [1, 2]]);
  });
});

Deno.test("clients of both protocol versions broadcast to each other, with self and ack as asked for", async () => {
  await withRealtime(async (test) => {
    const received: Record<string, Received[]> = {};
    const channels: RealtimeChannel[] = [];
    for (const [vsn, self] of [["1.0.0", false], ["2.0.0", true]] as const) {
      const client = await test.client(undefined, { vsn });
      const channel = client.channel("room", { config: { broadcast: { ack: true, self } } });
      received[vsn] = record(channel);
      channels.push(channel);
      assert.equal((await subscribe(channel)).status, "SUBSCRIBED");
    }
    for (const [index, channel] of channels.entries()) {
      assert.equal(
        await channel.send({ type: "broadcast", event: "hi", payload: { from: index, ü: "✓" } }),
        "ok",
      );
    }
    await arrived(received["2.0.0"]!, 2);
    assert.deepEqual(received["1.0.0"]!.map(({ payload }) => payload), [{ from: 1, ü: "✓" }]);
    assert.deepEqual(received["2.0.0"]!.map(({ payload }) => payload), [{ from: 0, ü: "✓" }, {
      from: 1,
      ü: "✓",
    }]);
  });
});

Deno.test("a broadcast to a private topic without the right to write is dropped without an answer", async () => {
  await withRealtime(async (test) => {
    await test.sql`create policy read_all on realtime.messages for select to authenticated using (true)`;
    const config = { broadcast: { ack: true, self: true } };
    const { channel, received, outcome } = await joined(test, ALICE, "room", config);
    assert.equal(outcome.status, "SUBSCRIBED");
    const answer = await channel.send({ type: "broadcast", event: "e", payload: {} }, { timeout: 200 });
    assert.equal(answer, "timed out");
    assert.equal(received.length, 0);
  });
});

Deno.test("a send without a partition for the day is a WARNING and leaves the transaction alone", async () => {
  await withRealtime(async (test) => {
    await test.admin.unsafe(
      (await test.admin<{ name: string }[]>`
        select format('drop table %s', inhrelid::regclass) as name from pg_inherits
        where inhparent = 'realtime.messages'::regclass`).map(({ name }) => name).join(";"),
    ).simple();
    await test.sql.begin(async (tx) => {
      await tx`create table public.survivors (n integer)`;
      await tx`select realtime.send('{}', 'e', 'topic')`;
      await tx`insert into public.survivors values (1)`;
    });
    assert.equal((await test.sql`select from public.survivors`).length, 1);
    assert.equal((await test.sql`select from realtime.messages`).length, 0);
    const { outcome } = await joined(test, ALICE, own(ALICE));
    assert.equal(
      outcome.message,
      "MissingPartition: Realtime was unable to find the expected messages partition",
    );
  });
});

Deno.test("a burst of 2,000 private messages reaches a subscriber complete and in order", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const { received } = await joined(test, ALICE, own(ALICE));
    await test.sql`
      select realtime.send(jsonb_build_object('n', n), 'tick', ${
      own(ALICE)
    }) from generate_series(1, 2000) as n`;
    const all = await arrived(received, 2000);
    assert.deepEqual(
      all.map(({ payload }) => payload.n),
      Array.from({ length: 2000 }, (_, index) => index + 1),
    );
  });
});

Deno.test("a channel ends when its token expires, and says so", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const token = tokenOf(ALICE, Math.floor(Date.now() / 1000) + 2);
    const client = await test.client(ALICE, { token });
    const channel = client.channel(own(ALICE), { config: { private: true } });
    const statuses: string[] = [];
    const notices: { message: string }[] = [];
    channel.on("system", {}, (payload) => notices.push(payload));
    channel.subscribe((status) => statuses.push(status));
    await eventually("the end of the channel", () => statuses.includes("CLOSED") || null);
    assert.deepEqual(statuses, ["SUBSCRIBED", "CLOSED"]);
    assert.match(notices[0]!.message, /^Token has expired \d+ seconds ago$/);
  });
});

Deno.test("expired, forged and malformed tokens are refused with a reason that tells them apart", async () => {
  await withRealtime(async (test) => {
    const cases = {
      [tokenOf(ALICE, Math.floor(Date.now() / 1000) - 5)]:
        /^InvalidJWTToken: Token has expired \d+ seconds ago$/,
      [tokenOf(ALICE).replace(/good$/, "forged")]: /^JwtSignatureError: Failed to validate JWT signature$/,
      "nonsense": /^MalformedJWT: The token provided is not a valid JWT$/,
    };
    for (const [token, reason] of Object.entries(cases)) {
      const client = await test.client(ALICE, { token });
      const { status, message } = await subscribe(client.channel("room"));
      assert.equal(status, "CHANNEL_ERROR");
      assert.match(message, reason);
    }
  });
});

Deno.test("a refreshed token keeps the channel, one without the right to read ends it", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const client = await test.client();
    await client.realtime.setAuth(tokenOf(ALICE));
    const channel = client.channel(own(ALICE), { config: { private: true } });
    const received = record(channel);
    const statuses: string[] = [];
    const notices: { message: string }[] = [];
    channel.on("system", {}, (payload) => notices.push(payload));
    channel.subscribe((status) => statuses.push(status));
    await eventually("the join", () => statuses[0]);
    await client.realtime.setAuth(tokenOf(ALICE, Math.floor(Date.now() / 1000) + 7200));
    await test.sql`select realtime.send('{}', 'tick', ${own(ALICE)})`;
    await arrived(received, 1);
    await client.realtime.setAuth(tokenOf(BOB));
    await eventually("the end of the channel", () => statuses.includes("CLOSED") || null);
    assert.equal(
      notices[0]!.message,
      `You no longer have permission to read from this Channel topic: ${own(ALICE)}`,
    );
  });
});

Deno.test("HTTP broadcasts are accepted with 202 and delivered only where the caller may write", async () => {
  await withRealtime(async (test) => {
    await allowOwnTopic(test);
    const { received } = await joined(test, ALICE, own(ALICE));
    const bob = (await test.client(BOB)).channel(own(ALICE), { config: { private: true } });
    assert.deepEqual(await bob.httpSend("single", { from: "bob" }), { success: true });
    const service = (await test.client(undefined, { key: SECRET_KEY })).channel(own(ALICE), {
      config: { private: true },
    });
    assert.deepEqual(await service.httpSend("single", { from: "service" }), { success: true });
    const batch = await fetch(`${test.url}/realtime/v1/api/broadcast`, {
      method: "POST",
      headers: { apikey: SECRET_KEY },
      body: JSON.stringify({
        messages: [{ topic: own(ALICE), event: "batch", payload: { n: 1 }, private: true }],
      }),
    });
    assert.equal(batch.status, 202);
    assert.equal(await batch.text(), "");
    await arrived(received, 2);
    assert.deepEqual(received.map(({ event, payload }) => [event, payload.from ?? payload.n]), [
      ["single", "service"],
      ["batch", 1],
    ]);
  });
});

Deno.test("HTTP broadcasts without a known key, of a wrong shape or too large are refused", async () => {
  await withRealtime(async (test) => {
    const post = async (key: string, body: unknown) => {
      const response = await fetch(`${test.url}/realtime/v1/api/broadcast`, {
        method: "POST",
        headers: { apikey: key },
        body: JSON.stringify(body),
      });
      await response.body?.cancel();
      return response.status;
    };
    const message = (payload: object) => ({ messages: [{ topic: "t", event: "e", payload }] });
    assert.equal(await post("unknown", message({})), 401);
    assert.equal(await post(SECRET_KEY, { messages: [{ topic: "t" }] }), 422);
    assert.equal(await post(SECRET_KEY, message({ big: "x".repeat(300_000) })), 422);
    assert.equal(await post(SECRET_KEY, message({})), 202);
  });
});

Deno.test("a socket without a known API key gets no connection", async () => {
  await withRealtime(async (test) => {
    const socket = new WebSocket(`${test.url.replace("http", "ws")}/realtime/v1/websocket?apikey=wrong`);
    const opened = await new Promise((resolve) => {
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    });
    assert.equal(opened, false);
  });
});

Deno.test("presence shows who is on a topic, and who left", async () => {
  await withRealtime(async (test) => {
    const channels = [];
    for (const key of ["alice", "bob"]) {
      const channel = (await test.client()).channel("room", { config: { presence: { key, enabled: true } } });
      channel.on("presence", { event: "sync" }, () => {});
      await subscribe(channel);
      assert.equal(await channel.track({ mood: key }), "ok");
      channels.push(channel);
    }
    const [alice, bob] = channels as [RealtimeChannel, RealtimeChannel];
    const keys = (channel: RealtimeChannel) => Object.keys(channel.presenceState()).sort().join();
    for (const channel of channels) {
      await eventually("both presences", () => keys(channel) === "alice,bob" || null);
    }
    assert.equal(alice.presenceState<{ mood: string }>().bob![0]!.mood, "bob");
    await bob.unsubscribe();
    await eventually("the departure", () => keys(alice) === "alice" || null);
  });
});
