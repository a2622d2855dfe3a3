import assert from "node:assert/strict";
import { eventually } from "../testing.ts";
import {
  arrived,
  type RealtimeTest,
  stopSharedCluster,
  subscribe,
  withOwnCluster,
  withRealtime,
} from "./testing.ts";
import { maintainPartitions } from "./partitions.ts";
import { startRealtime } from "./server.ts";

async function joinPublic(test: RealtimeTest): Promise<unknown[]> {
  const channel = (await test.client()).channel("news");
  const received: unknown[] = [];
  channel.on("broadcast", { event: "*" }, (message) => received.push(message.payload.n));
  assert.equal((await subscribe(channel)).status, "SUBSCRIBED");
  return received;
}

async function slots({ admin }: RealtimeTest): Promise<string[]> {
  const rows = await admin<{ name: string }[]>`
    select slot_name as name from pg_replication_slots where active and temporary and database = current_database()`;
  return rows.map(({ name }) => name);
}

Deno.test.afterAll(stopSharedCluster);

Deno.test("open channels go on after the database was killed, through a new slot", async () => {
  await withOwnCluster(async (test) => {
    const received = await joinPublic(test);
    const [before] = await slots(test);
    const pid = Number((await Deno.readTextFile(`${test.dataDir}/cluster/postmaster.pid`)).split("\n")[0]);
    const isRestarted = new Promise<void>((resolve) => test.pg.onRestart(resolve));
    Deno.kill(pid, "SIGKILL");
    await isRestarted;
    const after = await eventually("a new slot", async () => {
      const names = await slots(test).catch(() => []);
      return names.find((name) => name !== before);
    });
    assert.notEqual(after, before);
    await eventually("a message through the new slot", async () => {
      await test.sql`select realtime.send('{"n": 1}', 'e', 'news', false)`.catch(() => {});
      return received.length > 0 || null;
    });
  });
});

Deno.test("open channels go on after the replication connection alone was cut", async () => {
  await withRealtime(async (test) => {
    const received = await joinPublic(test);
    const [before] = await slots(test);
    await test
      .admin`select pg_terminate_backend(active_pid) from pg_replication_slots where database = current_database()`;
    await eventually("a new slot", async () => (await slots(test)).find((name) => name !== before));
    await eventually("a message through the new slot", async () => {
      await test.sql`select realtime.send('{"n": 1}', 'e', 'news', false)`;
      return received.length > 0 || null;
    });
  });
});

Deno.test("the stream survives that the publication of row changes is dropped and made anew", async () => {
  await withRealtime(async (test) => {
    const received = await joinPublic(test);
    await test.sql.unsafe(`
      create table public.notes (id integer primary key);
      drop publication supabase_realtime;
      create publication supabase_realtime for table public.notes;
    `).simple();
    await test.sql`insert into public.notes values (1)`;
    await eventually("a broadcast after it", async () => {
      await test.sql`select realtime.send('{"n": 1}', 'e', 'news', false)`;
      return received.length > 0 || null;
    });
  });
});

Deno.test("stopping closes the sockets and leaves neither slot nor connection", async () => {
  await withRealtime(async (test) => {
    const sockets: number[] = [];
    const socket = new WebSocket(
      `${test.url.replace("http", "ws")}/realtime/v1/websocket?apikey=sb_secret_test`,
    );
    await new Promise((resolve) => socket.onopen = resolve);
    socket.onclose = ({ code }) => sockets.push(code);
    await test.server.stop();
    assert.deepEqual(await arrived(sockets, 1), [4001]);
    await eventually("the end of all connections", async () => {
      const rows = await test.admin`
        select from pg_stat_activity where application_name like 'realtime%' and datname = current_database()`;
      return rows.length === 0 || null;
    });
    assert.deepEqual(
      await test.admin`select slot_name from pg_replication_slots`.then((rows) => [...rows]),
      [],
    );
  });
});

Deno.test("a client that stops reading is disconnected while the others go on", async () => {
  await withRealtime(async (test) => {
    const received = await joinPublic(test);
    const { hostname, port } = new URL(test.url);
    const tcp = await Deno.connect({ hostname, port: Number(port) });
    const handshake = [
      "GET /realtime/v1/websocket?apikey=sb_publishable_test HTTP/1.1",
      "Host: test\r\nUpgrade: websocket\r\nConnection: Upgrade",
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ].join("\r\n");
    const join = new TextEncoder().encode(
      '{"topic":"realtime:news","event":"phx_join","payload":{},"ref":"1"}',
    );
    await tcp.write(new TextEncoder().encode(handshake));
    await tcp.read(new Uint8Array(1024));
    await tcp.write(Uint8Array.of(0x81, 0x80 | join.length, 0, 0, 0, 0, ...join));
    await tcp.read(new Uint8Array(1024));
    let sent = 0;
    await eventually("the disconnect", async () => {
      await test.sql`
        select realtime.send(jsonb_build_object('n', ${++sent}::integer, 'x', repeat('x', 200000)), 'e', 'news', false)`;
      return test.logged.some((line) => line.includes("reads too slowly")) || null;
    });
    assert.deepEqual(await arrived(received, sent), Array.from({ length: sent }, (_, index) => index + 1));
    tcp.close();
  }, { limits: { sendQueueBytes: 1024 * 1024 } });
});

Deno.test("starting against a database that is not there fails and leaves nothing behind", async () => {
  const options = { verifyToken: () => Promise.resolve(null), resolveKey: () => null };
  await assert.rejects(startRealtime({ adminUrl: "postgres://nobody@127.0.0.1:1/none", ...options }));
});

Deno.test("partitions reach from yesterday to three days ahead, and go after 72 hours", async () => {
  await withRealtime(async ({ admin }) => {
    const partitions = async () => {
      const rows = await admin<{ name: string }[]>`
        select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'realtime.messages'::regclass order by 1`;
      return rows.map(({ name }) => name.slice("messages_".length));
    };
    await maintainPartitions(admin, new Date("2031-03-01T12:00:00Z"));
    const days = ["2031_02_28", "2031_03_01", "2031_03_02", "2031_03_03", "2031_03_04"];
    assert.deepEqual(await partitions(), days);
    await maintainPartitions(admin, new Date("2031-03-03T23:59:59Z"));
    assert.deepEqual((await partitions())[0], "2031_02_28", "72 hours are not over");
    await maintainPartitions(admin, new Date("2031-03-04T00:00:00Z"));
    assert.deepEqual((await partitions())[0], "2031_03_01");
    const [owner] =
      await admin`select relowner::regrole::text as name from pg_class where relname = 'messages_2031_03_01'`;
    assert.equal(owner!.name, "supabase_realtime_admin");
  });
});

Deno.test("a message over the size limit is dropped and logged, and the next one passes", async () => {
  await withRealtime(async (test) => {
    const received = await joinPublic(test);
    await test.sql`
      select realtime.send(jsonb_build_object('n', 1, 'big', repeat('x', 300000)), 'e', 'news', false)`;
    await test.sql`select realtime.send('{"n": 2}', 'e', 'news', false)`;
    assert.deepEqual(await arrived(received, 1), [2]);
    assert.ok(test.logged.some((line) => line.includes("larger than 256500 bytes")), test.logged.join("\n"));
  });
});

Deno.test("a null payload is dropped and logged", async () => {
  await withRealtime(async (test) => {
    const received = await joinPublic(test);
    await test.sql`select realtime.send(null, 'e', 'news', false)`;
    await test.sql`select realtime.send('{"n": 2}', 'e', 'news', false)`;
    assert.deepEqual(await arrived(received, 1), [2]);
    assert.ok(test.logged.some((line) => line.includes("has no payload")));
  });
});

Deno.test("postgres has the rights on realtime that a hosted project gives it, and no more", async () => {
  await withRealtime(async ({ sql }) => {
    const [rights] = await sql`
      select has_schema_privilege('realtime', 'create') as creates,
        has_table_privilege('realtime.messages', 'insert') as inserts,
        has_function_privilege('realtime.send(jsonb, text, text, boolean)', 'execute') as sends`;
    assert.deepEqual({ ...rights }, { creates: false, inserts: true, sends: true });
    await assert.rejects(
      sql`select realtime_server.probe_write('t', 'anon', '{}', 'broadcast')`,
      /permission denied/,
    );
    await sql.unsafe(`create policy p on realtime.messages for select to anon using (false);
      drop policy p on realtime.messages`).simple();
  });
});
