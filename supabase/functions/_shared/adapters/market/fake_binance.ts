/** A stand-in for Binance's public hosts, for the tests of the client: it answers as it is told to. */
export interface FakeBinance {
  readonly url: string;
  /** Paths with query, in order of arrival. */
  readonly requests: URL[];
  /** Answers by path below `/api/v3/`; may be changed at any time. */
  answers: Record<string, (url: URL) => Response>;
  stop(): Promise<void>;
}

/** Starts one on a free port of this machine. */
export function startFakeBinance(answers: FakeBinance["answers"] = {}): FakeBinance {
  const requests: URL[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
    const url = new URL(request.url);
    requests.push(url);
    const answer = fake.answers[url.pathname.replace("/api/v3/", "")];
    return answer ? answer(url) : json({ code: -1121, msg: "Invalid symbol." }, 400);
  });
  const fake: FakeBinance = {
    url: `http://127.0.0.1:${server.addr.port}`,
    requests,
    answers,
    stop: () => server.shutdown(),
  };
  return fake;
}

/** An answer as Binance sends it. */
export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json;charset=UTF-8", ...headers },
  });
}

/** What a proxy or a captive portal sends in Binance's place. */
export function html(status = 200): Response {
  return new Response("<html><body>Please sign in</body></html>", {
    status,
    headers: { "content-type": "text/html" },
  });
}

/** Headers and the first bytes of a body that never ends. */
export function stalled(): Response {
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('[{"symbol":')),
  });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

/** A book ticker row of the recorded shape. */
export function bookRow(symbol: string, bid: string, ask: string) {
  return { symbol, bidPrice: bid, bidQty: "0.36580000", askPrice: ask, askQty: "0.45178000" };
}

/** A kline row of the recorded shape with all its twelve fields. */
export function klineRow(openTime: number, low: string, high: string, close: string, volume = "21.63272000") {
  return [
    openTime,
    close,
    high,
    low,
    close,
    volume,
    openTime + 999,
    "1313200.01",
    617,
    "12.2",
    "745719.4",
    "0",
  ];
}
