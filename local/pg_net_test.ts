import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type PgNetOptions, startPgNet } from "./pg_net.ts";
import { eventually, type TestCluster, withCluster } from "./testing.ts";

interface Arrival {
  readonly path: string;
  readonly atMs: number;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** An HTTP server that remembers what arrived; `/hold` answers when told to, other paths at once. */
class Endpoint implements AsyncDisposable {
  readonly arrivals: Arrival[] = [];
  readonly held: (() => void)[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  get base(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async arrival(path: string): Promise<Arrival> {
    return await eventually(`a request for ${path}`, () => this.arrivals.find((seen) => seen.path === path));
  }

  count(path: string): number {
    return this.arrivals.filter((seen) => seen.path === path).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const release of this.held) release();
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    const body = await request.text();
    this.arrivals.push({
      path,
      atMs: performance.now(),
      method: request.method,
      headers: request.headers,
      body,
    });
    if (path === "/hold") await new Promise<void>((resolve) => this.held.push(resolve));
    if (path === "/status/503") return new Response("busy", { status: 503, headers: { "X-Reason": "load" } });
    if (path === "/see-other") return new Response(null, { status: 302, headers: { location: "/landed" } });
    if (path === "/temporary") return new Response(null, { status: 307, headers: { location: "/kept" } });
    if (path === "/loop") return new Response(null, { status: 302, headers: { location: "/loop" } });
    if (path === "/nul") return new Response("before\0after");
    if (path === "/empty") return new Response(null);
    return new Response("fine");
  }
}

async function response({ sql }: TestCluster, id: string) {
  return await eventually(`the response to request ${id}`, async () => {
    const [row] = await sql`select * from net._http_response where id = ${id}`;
    return row;
  });
}

async function call({ sql }: TestCluster, expression: string, ...values: string[]): Promise<string> {
  const [row] = await sql.unsafe(`select net.${expression} as id`, values);
  return row!.id;
}

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

async function withWorker(
  body: (cluster: TestCluster, endpoint: Endpoint, t: Deno.TestContext) => Promise<void>,
  t: Deno.TestContext,
  options: PgNetOptions = {},
): Promise<void> {
  await withCluster(async (cluster) => {
    const worker = await startPgNet(cluster.pg.adminUrl, options);
    await using endpoint = new Endpoint();
    try {
      await cluster.sql`create extension if not exists pg_net with schema extensions`;
      await body(cluster, endpoint, t);
    } finally {
      await worker.stop();
    }
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

Deno.test("pg_net stores what became of each request", (t) =>
  withWorker(
    async (cluster, endpoint, t) => {
      const { sql } = cluster;
      const outcome = async (expression: string, ...values: string[]) =>
        await response(cluster, await call(cluster, expression, ...values));

      await t.step("a 5xx answer is an answer, with headers in the server's spelling", async () => {
        const row = await outcome("http_post($1)", `${endpoint.base}/status/503`);
        assert.deepEqual([row.status_code, row.timed_out, row.error_msg, row.content], [
          503,
          false,
          null,
          "busy",
        ]);
        assert.equal(row.content_type, "text/plain;charset=UTF-8");
        const spelled = createServer((socket) =>
          void socket.once(
            "data",
            () => socket.end("HTTP/1.1 200 OK\r\nX-Reason: a\r\nX-Reason: b\r\nContent-Length: 0\r\n\r\n"),
          )
        ).listen(0, "127.0.0.1");
        await new Promise((resolve) => spelled.once("listening", resolve));
        const { port } = spelled.address() as { port: number };
        const { headers } = await outcome("http_get($1)", `http://127.0.0.1:${port}/`);
        assert.deepEqual(headers, { "X-Reason": "b", "Content-Length": "0" });
        spelled.close();
      });

      await t.step("an empty body is null and a body ends at a NUL byte", async () => {
        assert.equal((await outcome("http_get($1)", `${endpoint.base}/empty`)).content, null);
        assert.equal((await outcome("http_get($1)", `${endpoint.base}/nul`)).content, "before");
      });

      await t.step("a timeout is told apart and says how the time was spent", async () => {
        const row = await outcome("http_get($1, timeout_milliseconds => 150)", `${endpoint.base}/hold`);
        assert.deepEqual([row.status_code, row.timed_out], [null, true]);
        assert.match(
          row.error_msg,
          /^Timeout of 150 ms reached\. Total time: [\d.]+ ms \(DNS time: [\d.]+ ms, TCP\/SSL handshake time: [\d.]+ ms, HTTP Request\/Response time: [\d.]+ ms\)$/,
        );
      });

      await t.step(
        "a refused connection, an unknown host, a silent peer and another protocol have libcurl's words",
        async () => {
          const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
          free.close();
          const silent = createServer((socket) => void socket.once("data", () => socket.end())).listen(
            0,
            "127.0.0.1",
          );
          await new Promise((resolve) => silent.once("listening", resolve));
          const { port } = silent.address() as { port: number };
          const messages: [url: string, message: string][] = [
            [`http://127.0.0.1:${free.addr.port}/`, "Couldn't connect to server"],
            ["http://nobody.invalid/", "Couldn't resolve host name"],
            [`http://127.0.0.1:${port}/`, "Server returned nothing (no headers, no data)"],
            ["file:///etc/passwd", "Unsupported protocol"],
            [`${endpoint.base}/loop`, "Number of redirects hit maximum amount"],
          ];
          for (const [url, message] of messages) {
            const row = await outcome("http_get($1)", url);
            assert.deepEqual([row.status_code, row.timed_out, row.error_msg], [null, false, message], url);
          }
          silent.close();
        },
      );

      await t.step("a line break in a header is not sent", async () => {
        const row = await outcome(
          `http_get($1, headers => '{"X-Evil": "a\\r\\nHost: b"}')`,
          `${endpoint.base}/evil`,
        );
        assert.equal(row.error_msg, 'header "X-Evil" contains a carriage return or line feed');
        assert.equal(endpoint.count("/evil"), 0);
      });

      await t.step("the body is the text of the jsonb, and the agent names itself", async () => {
        await outcome(`http_post($1, '{"b": 1,"a":[1,2]}')`, `${endpoint.base}/body`);
        const { body, headers, method } = await endpoint.arrival("/body");
        assert.deepEqual([method, body], ["POST", '{"a": [1, 2], "b": 1}']);
        assert.equal(headers.get("user-agent"), "pg_net/0.20.4");
        assert.equal(headers.get("content-type"), "application/json");
      });

      await t.step(
        "parameters are encoded, null headers dropped and null headers altogether mean a form",
        async () => {
          await outcome(
            `http_get($1, params => '{"q": "a b&ü"}', headers => '{"X-Kept": "1", "X-Null": null}')`,
            `${endpoint.base}/params?x=1`,
          );
          const { headers } = await endpoint.arrival("/params");
          assert.deepEqual([headers.get("x-kept"), headers.get("x-null")], ["1", null]);
          const [row] = await sql`
        select net._encode_url_with_params_array('http://h?x=1#f', array['q=' || net._urlencode_string('a b&ü')]) as url`;
          assert.equal(row!.url, "http://h/?x=1&q=a%20b%26%C3%BC#f");
          await outcome("http_post($1, headers => null)", `${endpoint.base}/form`);
          assert.equal(
            (await endpoint.arrival("/form")).headers.get("content-type"),
            "application/x-www-form-urlencoded",
          );
        },
      );

      await t.step("after a 302 a POST arrives as GET without body, after a 307 unchanged", async () => {
        await outcome(`http_post($1, '{"a": 1}')`, `${endpoint.base}/see-other`);
        const landed = await endpoint.arrival("/landed");
        assert.deepEqual([landed.method, landed.body], ["GET", ""]);
        await outcome(`http_post($1, '{"a": 1}')`, `${endpoint.base}/temporary`);
        const kept = await endpoint.arrival("/kept");
        assert.deepEqual([kept.method, kept.body], ["POST", '{"a": 1}']);
      });

      await t.step("to another host goes the apikey but not the authorization", async () => {
        await using other = new Endpoint();
        const redirector = Deno.serve(
          { hostname: "127.0.0.1", port: 0, onListen: () => {} },
          () => new Response(null, { status: 302, headers: { location: `${other.base}/elsewhere` } }),
        );
        await outcome(
          `http_get($1, headers => '{"Authorization": "Bearer x", "apikey": "k"}')`,
          `http://127.0.0.1:${redirector.addr.port}/`,
        );
        const { headers } = await other.arrival("/elsewhere");
        assert.deepEqual([headers.get("authorization"), headers.get("apikey")], [null, "k"]);
        await redirector.shutdown();
      });

      await t.step("a malformed URL or another content type aborts the caller's statement", async () => {
        for (
          const [url, message] of [
            ["localhost/x", 'invalid URL "localhost/x": Bad scheme'],
            ["http://", 'invalid URL "http://": No host part in the URL'],
            ["nope://h/", 'invalid URL "nope://h/": Unsupported URL scheme'],
          ]
        ) {
          await assert.rejects(call(cluster, "http_get($1)", url!), { code: "XX000", message });
        }
        await assert.rejects(
          call(
            cluster,
            `http_post($1, headers => '{"content-type": "application/json; charset=utf-8"}')`,
            endpoint.base,
          ),
          { code: "P0001", message: 'Content-Type header must be "application/json"' },
        );
      });

      await t.step("responses older than six hours go with the next batch", async () => {
        const id = await call(cluster, "http_get($1)", `${endpoint.base}/old`);
        await response(cluster, id);
        await sql`update net._http_response set created = now() - interval '7 hours' where id = ${id}`;
        await call(cluster, "http_get($1)", `${endpoint.base}/young`);
        await eventually(
          "the removal",
          async () => (await sql`select from net._http_response where id = ${id}`).length === 0 ? true : null,
        );
      });
    },
    t,
    { napMs: 10 },
  ));

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
