import assert from "node:assert/strict";
import { wallClock } from "../../../../../simulator/core/clock.ts";
import { serveApi } from "../../../../../simulator/http/server.ts";
import { Simulator } from "../../../../../simulator/simulator.ts";
import { ownConnections, TooLong } from "./own_connection.ts";

const send = ownConnections(1_000);

/** Answers every connection with these pieces, whole requests by `requests`. */
function saying(...pieces: readonly string[]) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  (async () => {
    for await (const connection of listener) {
      const buffer = new Uint8Array(65_536);
      requests.push(new TextDecoder().decode(buffer.subarray(0, (await connection.read(buffer)) ?? 0)));
      for (const piece of pieces) {
        await connection.write(new TextEncoder().encode(piece));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      connection.close();
    }
  })().catch(() => {});
  const { port } = listener.addr as Deno.NetAddr;
  return { url: `http://127.0.0.1:${port}`, port, requests, [Symbol.dispose]: () => listener.close() };
}

Deno.test("a request has the path, the fields and the body that it was given, and nothing of a pool", async () => {
  using server = saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
  const headers = { "X-MBX-APIKEY": "abc", "content-type": "application/x-www-form-urlencoded" };
  await (await send(`${server.url}/api/v3/order?a=%20b`, { method: "POST", headers, body: "q=1&s=ä" }))
    .text();
  const [head, body] = server.requests[0]!.split("\r\n\r\n");
  const [line, ...fields] = head!.split("\r\n");
  assert.equal(line, "POST /api/v3/order?a=%20b HTTP/1.1");
  assert.deepEqual(fields.sort(), [
    "accept-encoding: identity",
    "connection: close",
    "content-length: 8",
    "content-type: application/x-www-form-urlencoded",
    `host: 127.0.0.1:${server.port}`,
    "x-mbx-apikey: abc",
  ]);
  assert.equal(body, "q=1&s=ä");
});

Deno.test("an answer is read however its length is told and however it is cut", async () => {
  const answers: readonly (readonly string[])[] = [
    ['HTTP/1.1 451 No\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 7\r\n\r\n{"a":', "1}and more"],
    [
      'HTTP/1.1 451 No\r\nX-A: 1, 2\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a',
      '\r\n0004\r\n":1}\r\n0\r\n\r\n',
    ],
    ['HTTP/1.0 451 No\r\nX-A: 1, 2\r\n\r\n{"a":', "1}"],
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 451\r", '\nX-A: 1, 2\r\n\r\n{"a":1}'],
  ];
  for (const pieces of answers) {
    using server = saying(...pieces);
    const answer = await send(server.url, {});
    assert.deepEqual([answer.status, answer.headers.get("x-a"), await answer.text()], [
      451,
      "1, 2",
      '{"a":1}',
    ]);
  }
  using empty = saying("HTTP/1.1 204 No Content\r\n\r\n");
  assert.equal((await send(empty.url, {})).body, null);
});

Deno.test("an answer that is not whole, not HTTP or too long is none", async () => {
  const head = "HTTP/1.1 200 OK\r\n";
  for (
    const said of [
      "",
      "SSH-2.0-OpenSSH\r\n",
      `${head}Content-Length: 9\r\n\r\n{}`,
      `${head}Content-Length: -2\r\n\r\n{}`,
      `${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`,
      `${head}Transfer-Encoding: chunked\r\n\r\nten\r\n{}\r\n`,
      `${head}X-A: ${"a".repeat(100_000)}`,
    ]
  ) {
    using server = saying(said);
    await assert.rejects(send(server.url, {}).then((answer) => answer.text()), Error, said);
    assert.equal(server.requests.length, 1);
  }
  for (const said of [`${head}Content-Length: 1001\r\n\r\n`, `${head}\r\n${" ".repeat(80_000)}`]) {
    using server = saying(said);
    await assert.rejects(send(server.url, {}).then((answer) => answer.text()), TooLong);
  }
});

Deno.test("a signal that was given before there is a connection means that nothing is sent", async () => {
  using server = saying("HTTP/1.1 204 No Content\r\n\r\n");
  await assert.rejects(send(server.url, { signal: AbortSignal.abort() }), /client error \(Connect\)/);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(server.requests.filter((request) => request !== ""), []);
});

Deno.test("what the simulator answers is read as the platform's client reads it", async () => {
  await using server = await serveApi(new Simulator(wallClock, 1), 0);
  const url = `${server.url}/api/v3/exchangeInfo`;
  const [own, platform] = await Promise.all([ownConnections(4_000_000)(url, {}), fetch(url)]);
  assert.equal(own.headers.get("content-type"), platform.headers.get("content-type"));
  const withoutTime = (text: string) => text.replace(/"serverTime":\d+/, "");
  assert.equal(withoutTime(await own.text()), withoutTime(await platform.text()));
});
