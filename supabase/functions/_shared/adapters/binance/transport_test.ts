import assert from "node:assert/strict";
import { connectOrders } from "./ccxt_orders.ts";
import {
  answering,
  buy,
  leaveFor,
  standing,
  SYMBOL,
  venueAt,
} from "../../../../../tests/harness/binance_floor.ts";
import {
  ANSWER_MAX_BYTES,
  exchange,
  newExchanged,
  NoAnswer,
  type Outside,
  realOutside,
} from "./transport.ts";
import { BinanceVenue } from "./venue.ts";

interface Listening extends Disposable {
  readonly url: string;
  /** First lines of the requests that arrived whole. */
  readonly requests: string[];
}

/** A TCP server that answers a request, by its number, with bytes, or with null ends the connection. */
function rawServer(
  answer: (count: number, connection: Deno.Conn) => string | null | "stop listening",
): Listening {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.Conn[] = [];
  const requests: string[] = [];
  const serve = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const size = await connection.read(buffer);
      if (size === null) return;
      requests.push(new TextDecoder().decode(buffer.subarray(0, size)).split("\r\n")[0]!);
      const bytes = answer(requests.length, connection);
      if (bytes === "stop listening") listener.close();
      if (bytes === null || bytes === "stop listening") return connection.close();
      await connection.write(new TextEncoder().encode(bytes));
    }
  };
  (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      serve(connection).catch(() => {});
    }
  })().catch(() => {});
  const close = (resource: { close(): void }) => {
    try {
      resource.close();
    } catch {
      // It is closed already.
    }
  };
  return {
    url: `http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`,
    requests,
    [Symbol.dispose]: () => [listener, ...connections].forEach(close),
  };
}

/** The world outside by either way that a request can take: the runtime's own client, and a socket where it has none. */
const OUTSIDES = [
  ["by the runtime's client", realOutside],
  ["without Deno.createHttpClient", () => withoutClient(undefined)],
  ["where Deno.createHttpClient throws", () =>
    withoutClient(() => {
      throw new Error("not supported");
    })],
] as const;

function withoutClient(instead: (() => never) | undefined): Outside {
  const { createHttpClient } = Deno;
  const put = (value: unknown) =>
    Object.defineProperty(Deno, "createHttpClient", { value, configurable: true, writable: true });
  put(instead);
  try {
    return realOutside();
  } finally {
    put(createHttpClient);
  }
}

function eachWay(name: string, body: (outside: Outside) => Promise<void>): void {
  for (const [way, outsideOf] of OUTSIDES) Deno.test(`${name}, ${way}`, () => body(outsideOf()));
}

const OK = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

Deno.test("the platform's pool sends a POST again when a used connection ends", async () => {
  using pooled = rawServer((count) => count === 1 ? OK : null);
  await (await fetch(`${pooled.url}/first`)).text();
  await assert.rejects(fetch(`${pooled.url}/order`, { method: "POST", body: "a=1" }));
  assert.deepEqual(pooled.requests.slice(1), ["POST /order HTTP/1.1", "POST /order HTTP/1.1"]);
});

eachWay("a POST is not sent again when the connection before it was used", async ({ send }) => {
  using fresh = rawServer((count) => count === 1 ? OK : null);
  await (await send(`${fresh.url}/first`)).text();
  await assert.rejects(send(`${fresh.url}/order`, { method: "POST", body: "a=1" }));
  assert.deepEqual(fresh.requests.slice(1), ["POST /order HTTP/1.1"]);
});

eachWay("an order whose connection ends without an answer is sent once and is unknown", async (outside) => {
  using server = rawServer(() => null);
  const answer = await venueAt(server.url, outside).submit(SYMBOL, buy("a-1"), leaveFor());
  assert.deepEqual([answer.outcome, answer.reason], ["unknown", "no_answer"]);
  assert.deepEqual(server.requests, ["POST /api/v3/order HTTP/1.1"]);
  assert.notEqual(answer.facts.sentAtMs, null);
});

eachWay("an order after which nobody listens any more is unknown, not unsent", async (outside) => {
  using server = rawServer(() => "stop listening");
  const answer = await venueAt(server.url, outside).submit(SYMBOL, buy("a-1"), leaveFor());
  assert.equal(answer.outcome, "unknown");
  assert.equal(server.requests.length, 1);
});

eachWay("an order that no connection could be made for is proven unsent", async (outside) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const answer = await venueAt(`http://127.0.0.1:${port}`, outside).submit(
    SYMBOL,
    buy("a-1"),
    leaveFor(),
  );
  assert.deepEqual([answer.outcome, answer.reason], ["not_sent", "unreachable"]);
  assert.equal(answer.facts.sentAtMs, null);
});

eachWay("something that does not speak TLS is no connection", async (outside) => {
  using server = rawServer(() => null);
  const url = server.url.replace("http:", "https:");
  const answer = await venueAt(url, outside).submit(SYMBOL, buy("a-1"), leaveFor());
  assert.deepEqual([answer.outcome, answer.reason], ["not_sent", "unreachable"]);
});

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";

eachWay("the deadline covers a head that does not come and a body that stops", async (outside) => {
  for (const [bytes, status] of [["", null], [`${HEAD}{"symbol":`, 200]] as const) {
    using server = rawServer(() => bytes);
    const record = newExchanged();
    const startedAt = performance.now();
    const limits = { leaveByMs: Infinity, deadlineMs: 150 };
    await assert.rejects(
      exchange(server.url, { method: "POST", body: "a=1" }, limits, outside, record),
      NoAnswer,
    );
    assert.ok(performance.now() - startedAt < 1_500);
    assert.deepEqual([record.failure, record.status, record.body], ["no_answer", status, null]);
  }
});

eachWay("a body that ends too early is no answer", async (outside) => {
  using server = rawServer((_, connection) => {
    connection.write(new TextEncoder().encode(`${HEAD}{"symbol":"BTC`));
    return null;
  });
  const answer = await venueAt(server.url, outside).submit(SYMBOL, buy("a-1"), leaveFor());
  assert.deepEqual([answer.outcome, answer.reason, answer.facts.body], ["unknown", "no_answer", null]);
});

eachWay(
  "an answer of ten megabytes is given up on when it is too long, also without an announced length",
  async (outside) => {
    const chunk = new TextEncoder().encode(" ".repeat(64 * 1024));
    let sent = 0;
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
      const body = new ReadableStream({
        pull: (controller) => {
          sent += chunk.length;
          if (sent > 10_000_000) controller.close();
          else controller.enqueue(chunk);
        },
      });
      return new Response(body);
    });
    const venue = venueAt(`http://127.0.0.1:${server.addr.port}`, outside);
    const answer = await venue.submit(SYMBOL, buy("a-1"), leaveFor());
    assert.deepEqual([answer.outcome, answer.reason], ["unknown", "malformed_answer"]);
    assert.ok(sent < 2 * ANSWER_MAX_BYTES + 1_000_000, `${sent} bytes were taken`);
    await server.shutdown();
  },
);

Deno.test("a redirect is an answer and is not followed", async () => {
  await using server = answering(307, "", { location: "/elsewhere" });
  const answer = await venueAt(server.url, server.outside).submit(SYMBOL, buy("a-1"), leaveFor());
  assert.deepEqual([answer.outcome, answer.facts.httpStatus], ["unknown", 307]);
  assert.deepEqual(server.paths, ["POST /api/v3/order"]);
});

Deno.test("a call whose window is over does not leave, by the monotonic clock and not by the other", async () => {
  let sent = 0;
  const send = () => {
    sent++;
    return Promise.resolve(new Response("{}"));
  };
  const clock = { now: 0, monotonic: 0 };
  const outside = standing(send as typeof fetch, clock);
  // The time in between is what loading the client takes.
  const slow = new BinanceVenue(() => {
    clock.monotonic += 2_001;
    return Promise.resolve(connectOrders("http://127.0.0.1:9", outside));
  }, outside);
  const late = await slow.submit(SYMBOL, buy("a-1"), leaveFor(undefined, undefined, 2_000));
  assert.deepEqual([late.outcome, late.reason, late.facts.sentAtMs], ["not_sent", "window_over", null]);
  // A worker that was held up before it began the call has lost that time as well.
  const venue = venueAt("http://127.0.0.1:9", outside);
  assert.equal(
    (await venue.submit(SYMBOL, buy("a-1"), leaveFor(undefined, undefined, 2_000))).reason,
    "window_over",
  );
  assert.equal(sent, 0);
  clock.now = 99_999_999;
  await venue.submit(SYMBOL, buy("a-1"), leaveFor(undefined, undefined, 2_001));
  assert.equal(sent, 1);
});
