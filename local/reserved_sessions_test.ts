import { deepStrictEqual as equal, rejects } from "node:assert/strict";
import { Buffer } from "node:buffer";
import postgres from "postgres";
import { fromStartup, survivingOptions } from "./driver_socket.ts";
import { surviveLostWrites } from "./lost_writes.ts";
import { endSessionsWithConnections, Losses } from "./reserved_sessions.ts";
import { eventually, type TestCluster, withCluster } from "./testing.ts";

/** Rounds of killing a session while statements are on their way to it: the moment is different in each. */
const KILLS = 30;

/** A pool of one connection, so that a session that cannot be used again would be met by the next statement. */
async function withPool(
  { pg }: TestCluster,
  body: (pool: postgres.Sql, losses: Losses) => Promise<void>,
): Promise<void> {
  const losses = new Losses();
  const restore = surviveLostWrites(() => {});
  const pool = postgres(pg.url, {
    ...survivingOptions(pg.url, { application_name: "pool_under_test" }),
    max: 1,
    max_lifetime: null,
    backoff: () => 0,
    onclose: losses.onclose,
  });
  endSessionsWithConnections(pool, losses);
  try {
    await body(pool, losses);
  } finally {
    await pool.end({ timeout: 0 });
    restore();
  }
}

async function killSessions({ admin }: TestCluster): Promise<void> {
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pool_under_test'`;
}

/** A connection that was just killed may answer one more statement with its end. */
function isServed(pool: postgres.Sql): Promise<boolean> {
  return eventually("an answer", () => pool`select 1`.then(() => true, () => null));
}

Deno.test("a pool and its sessions when their connections are killed", async (t) => {
  await withCluster(async (cluster) => {
    await t.step(
      "a pool goes on, however often its connection is killed under its statements",
      () =>
        withPool(cluster, async (pool) => {
          for (let kill = 0; kill < KILLS; kill++) {
            await isServed(pool);
            const killed = killSessions(cluster);
            await Promise.allSettled(Array.from({ length: 5 }, () => pool`select pg_sleep(0.001)`));
            await killed;
          }
          await isServed(pool);
        }),
    );

    await t.step(
      "a reserved session ends with its connection and is not handed out again",
      () =>
        withPool(cluster, async (pool, losses) => {
          const session = await pool.reserve();
          await session.unsafe("begin");
          await killSessions(cluster);
          await eventually("the loss", () => losses.count > 0 ? true : null);
          await rejects(session.unsafe("rollback"), { code: "CONNECTION_CLOSED" });
          session.release();
          equal([...await pool`select 1 as one`], [{ one: 1 }]);
          const next = await pool.reserve();
          equal([...await next.unsafe("select 2 as two")], [{ two: 2 }]);
          next.release();
        }),
    );
  });
});

Deno.test("a session starts with its startup message, whatever an earlier one has left", () => {
  const startup = Buffer.alloc(20, "u");
  startup.writeUInt32BE(20, 0);
  startup.writeUInt32BE(196_608, 4);
  equal(fromStartup(startup), startup);
  equal(fromStartup(Buffer.concat([Buffer.from("Q\0\0\0\x0dcommit;\0"), startup])), startup);
  equal(fromStartup(Buffer.from("no startup")), Buffer.from("no startup"));
});
