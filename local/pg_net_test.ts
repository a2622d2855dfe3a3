import assert from "node:assert/strict";
import { call, response, withWorker } from "./pg_net_testing.ts";
import { eventually, type TestCluster } from "./testing.ts";

/** The worker sleeps, so that the next commit finds it idle: a response after it settled proves the order. */
async function idle({ admin }: TestCluster): Promise<void> {
  let quietSince = performance.now();
  let seen = "";
  await eventually("an idle worker", async () => {
    const [row] = await admin`
      select coalesce(max(xact_start), max(query_start))::text as last
      from pg_stat_activity where application_name = 'pg_net 0.20.4' and query not ilike 'listen%'`;
    if (row!.last !== seen) [seen, quietSince] = [row!.last, performance.now()];
    return performance.now() - quietSince > 1_500 ? true : null;
  });
}

Deno.test("pg_net sends after the commit and only then", (t) =>
  withWorker(async (cluster, endpoint, t) => {
    const { sql } = cluster;

    await t.step("a worker that started before the extension existed serves it", async () => {
      const id = await call(cluster, "http_get($1)", `${endpoint.base}/first`);
      assert.equal((await response(cluster, id)).status_code, 200);
    });

    await t.step(
      "an open transaction sends nothing, a rolled-back one never does, and its id is used up",
      async () => {
        const session = await sql.reserve();
        await session`begin`;
        const [lost] = await session`select net.http_get(${endpoint.base + "/rolled-back"}) as id`;
        await session`rollback`;
        await session`begin`;
        await session`savepoint before`;
        await session`select net.http_get(${endpoint.base + "/undone"})`;
        await session`rollback to savepoint before`;
        const [kept] = await session`select net.http_get(${endpoint.base + "/kept-row"}) as id`;
        await call(cluster, "http_get($1)", `${endpoint.base}/other-transaction`);
        await endpoint.arrival("/other-transaction");
        assert.equal(endpoint.count("/kept-row"), 0);
        await session`commit`;
        session.release();
        await endpoint.arrival("/kept-row");
        assert.equal(endpoint.count("/rolled-back") + endpoint.count("/undone"), 0);
        assert.ok(BigInt(kept!.id) > BigInt(lost!.id) + 1n);
      },
    );

    await t.step("a direct insert into the queue waits for the next wake", async () => {
      await idle(cluster);
      await sql`insert into net.http_request_queue (method, url, timeout_milliseconds)
        values ('GET', ${endpoint.base + "/direct"}, 1000)`;
      await idle(cluster);
      assert.equal(endpoint.count("/direct"), 0);
      await sql`select net.wake()`;
      await endpoint.arrival("/direct");
    });

    await t.step("an idle worker sends within milliseconds of the commit", async () => {
      await idle(cluster);
      const session = await sql.reserve();
      await session`begin`;
      await session`select net.http_get(${endpoint.base + "/prompt"})`;
      const committedAtMs = performance.now();
      await session`commit`;
      session.release();
      const { atMs } = await endpoint.arrival("/prompt");
      assert.ok(atMs - committedAtMs < 500, `took ${atMs - committedAtMs} ms`);
    });
  }, t));

Deno.test("pg_net works in batches that wait for their slowest request", (t) =>
  withWorker(async (cluster, endpoint, t) => {
    const { sql } = cluster;

    await t.step(
      "the first commit during a nap is served at once, the second waits the nap out",
      async () => {
        await idle(cluster);
        await call(cluster, "http_get($1)", `${endpoint.base}/one`);
        await endpoint.arrival("/one");
        await call(cluster, "http_get($1)", `${endpoint.base}/two`);
        const second = (await endpoint.arrival("/two")).atMs;
        await call(cluster, "http_get($1)", `${endpoint.base}/three`);
        const third = (await endpoint.arrival("/three")).atMs;
        assert.ok(third - second > 800, `waited ${third - second} ms`);
      },
    );

    await t.step("two hundred requests go out at once, the two hundred and first a nap later", async () => {
      await idle(cluster);
      await sql`select net.http_get(${endpoint.base + "/many"}) from generate_series(1, 201)`;
      await eventually("all requests", () => endpoint.count("/many") === 201 ? true : null);
      const times = endpoint.arrivals.filter(({ path }) => path === "/many").map(({ atMs }) => atMs);
      assert.ok(times[200]! - times[199]! > 700, `gap of ${times[200]! - times[199]!} ms`);
      assert.ok(times[199]! - times[0]! < 700, `a batch over ${times[199]! - times[0]!} ms`);
    });

    await t.step("while one request hangs, later ones wait and nothing of the batch is stored", async () => {
      await idle(cluster);
      await sql`select net.http_get(url, timeout_milliseconds => 10000)
        from unnest(array[${endpoint.base + "/hold"}, ${endpoint.base + "/quick"}]) as url`;
      await eventually(
        "the batch",
        () => endpoint.held.length === 1 && endpoint.count("/quick") === 1 ? true : null,
      );
      const late = await call(cluster, "http_get($1)", `${endpoint.base}/late`);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      assert.equal(endpoint.count("/late"), 0);
      const [stored] = await sql`select count(*)::int as n from net._http_response where content = 'fine'
        and created > now() - interval '1.5 seconds'`;
      assert.equal(stored!.n, 0);
      endpoint.held.pop()!();
      assert.equal((await response(cluster, late)).status_code, 200);
    });
  }, t));

Deno.test("pg_net loses what it held when the server crashes, and its ids begin again", (t) =>
  withWorker(async (cluster, endpoint) => {
    const { sql, pg, dataDir } = cluster;
    await response(cluster, await call(cluster, "http_get($1)", `${endpoint.base}/before`));
    await call(cluster, "http_get($1, timeout_milliseconds => 60000)", `${endpoint.base}/hold`);
    await eventually("the request in flight", () => endpoint.held.length === 1 ? true : null);
    const restarted = Promise.withResolvers<void>();
    pg.onRestart(restarted.resolve);
    const pid = (await Deno.readTextFile(`${dataDir}/cluster/postmaster.pid`)).split("\n")[0];
    Deno.kill(Number(pid), "SIGKILL");
    await restarted.promise;
    const [counts] = await eventually(
      "a query after the restart",
      () =>
        sql`select (select count(*)::int from net._http_response) as responses,
        (select count(*)::int from net.http_request_queue) as requests`.catch(() => null),
    );
    assert.deepEqual({ ...counts }, { responses: 0, requests: 0 });
    endpoint.held.pop()!();
    const id = await call(cluster, "http_get($1)", `${endpoint.base}/after`);
    assert.equal(id, "1");
    await endpoint.arrival("/after");
    assert.equal(endpoint.count("/hold"), 1);
  }, t));
