/** What the tests of pg_net share: an endpoint that records what arrives, and a cluster with a running worker. */
import { type PgNetOptions, startPgNet } from "./pg_net.ts";
import { eventually, type TestCluster, withCluster } from "./testing.ts";

/** A request as the endpoint received it; the time is that of `performance.now()`. */
export interface Arrival {
  readonly path: string;
  readonly atMs: number;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** An HTTP server that remembers what arrived; `/hold` answers when told to, other paths at once. */
export class Endpoint implements AsyncDisposable {
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

/** The stored response, once it is there. */
export async function response({ sql }: TestCluster, id: string) {
  return await eventually(`the response to request ${id}`, async () => {
    const [row] = await sql`select * from net._http_response where id = ${id}`;
    return row;
  });
}

/** Evaluates a call of a function in schema net and returns the id of the request. */
export async function call({ sql }: TestCluster, expression: string, ...values: string[]): Promise<string> {
  const [row] = await sql.unsafe(`select net.${expression} as id`, values);
  return row!.id;
}

/** Runs the body with a worker and the extension, in a throw-away cluster. */
export async function withWorker(
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
