import assert from "node:assert/strict";
import { createServer } from "node:net";
import { call, Endpoint, response, withWorker } from "./pg_net_testing.ts";
import { eventually } from "./testing.ts";

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
