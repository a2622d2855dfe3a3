import type { Clock } from "./core/clock.ts";
import type { Delivery } from "./faults/delivery.ts";
import type { Simulator } from "./simulator.ts";

/**
 * A `fetch` whose every request goes to the simulator, whatever its host: no socket, and no time but the clock's. It
 * fails as the platform's does: a connection that ends without a byte is a `TypeError`, one that ends within the body
 * makes reading it fail. A request that is aborted is carried out all the same.
 */
export function fetchFrom(simulator: Simulator, ip = "127.0.0.1"): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const { pathname, search } = new URL(request.url);
    const delivered = simulator.handle({
      method: request.method,
      path: pathname,
      query: search.slice(1),
      body: await request.text(),
      apiKey: request.headers.get("x-mbx-apikey"),
      ip,
    });
    return toResponse(await unlessAborted(delivered, request.signal), simulator.clock);
  };
}

function unlessAborted(delivered: Promise<Delivery>, signal: AbortSignal): Promise<Delivery> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    delivered.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function toResponse(delivery: Delivery, clock: Clock): Response {
  if (delivery.kind === "dropped") throw connectionEnded();
  const { status, headers, body } = delivery.answer;
  if (delivery.kind === "answer") return new Response(body, { status, headers });
  const half = new TextEncoder().encode(body.slice(0, Math.floor(body.length / 2)));
  const { afterMs } = delivery;
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue(half),
    pull: async (controller) => {
      if (afterMs > 0) await clock.sleep(afterMs);
      controller.error(connectionEnded());
    },
  }, { highWaterMark: 0 });
  return new Response(stream, { status, headers });
}

function connectionEnded(): TypeError {
  return new TypeError("fetch failed", { cause: new Error("other side closed") });
}
