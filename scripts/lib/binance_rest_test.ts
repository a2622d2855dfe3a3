import assert from "node:assert/strict";
import { BinanceRest, RefusedError } from "./binance_rest.ts";

const KEY = { apiKey: "public-key", secret: "hunter2" };

/** Tells its time, and answers everything else alike. */
function exchange(status: number, body: string) {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    return pathname.endsWith("/time")
      ? Response.json({ serverTime: Date.now() })
      : new Response(body, { status });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { rest: new BinanceRest(url, KEY), url, paths, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("a refusal is told with the exchange's words, once, and without key or signature", async () => {
  for (const [status, body] of [[401, '{"code":-2014}'], [404, "<html>"], [200, "<html>"]] as const) {
    await using there = exchange(status, body);
    await assert.rejects(there.rest.account(), (error: Error) => {
      assert.ok(error instanceof RefusedError);
      assert.ok(error.message.includes(`${there.url} answered /api/v3/account with ${status}: ${body}`));
      assert.doesNotMatch(error.message, /public-key|hunter2|signature/);
      return true;
    });
    assert.deepEqual(there.paths, ["/api/v3/time", "/api/v3/account"]);
  }
});

Deno.test("what may pass is asked three times", async () => {
  await using there = exchange(503, "busy");
  await assert.rejects(there.rest.openOrders(), /with 503: busy/);
  assert.equal(there.paths.filter((path) => path.endsWith("/openOrders")).length, 3);
});

Deno.test("an exchange that nobody answers at is named", async () => {
  const rest = new BinanceRest("http://127.0.0.1:9", KEY);
  await assert.rejects(rest.account(), /http:\/\/127.0.0.1:9 did not answer \/api\/v3\/time: no connection/);
});
