/**
 * Runs one Edge Function in a process of its own, in place of the hosted runtime. The first line of standard
 * input says what to run; its end means that the host is gone, and so must this process be.
 */
import { TextLineStream } from "./text_lines.ts";

/** What the host wants to be run. */
export interface BootOrder {
  /** URL of the function's `index.ts`. */
  readonly entry: string;
  /** Begins the one line of standard output that tells the port, and cannot be guessed by the function. */
  readonly mark: string;
  /** Variables that only starting needed; the function must not see them. */
  readonly dropEnv: readonly string[];
}

/** Any later line of standard input: end once the work that was begun is done. The rest of the line is the reason. */
export const RETIRE = "retire ";

type Handler = (request: Request) => Response | Promise<Response>;

interface Serving {
  readonly shutdown: () => Promise<void>;
}

if (import.meta.main) await main();

async function main(): Promise<void> {
  const lines = Deno.stdin.readable
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .pipeThrough(new TextLineStream())
    .values();
  const first = await lines.next();
  if (first.done) Deno.exit(1);
  const order = JSON.parse(first.value) as BootOrder;
  for (const name of order.dropEnv) Deno.env.delete(name);
  const background = installEdgeRuntime();
  const serving: { current?: Serving } = {};
  // From here on the host may leave at any time, also while the function is still loading.
  obeyHost(lines, serving, background);
  const serve = Deno.serve;
  const handler = await loadHandler(order.entry);
  const options = {
    hostname: "127.0.0.1",
    port: 0,
    onListen: ({ port }: Deno.NetAddr) => console.log(`${order.mark}${port}`),
    onError: answerUncaught,
  };
  serving.current = serve(options, (request) => handler(request));
}

/** Imports the function and finds its handler: passed to `Deno.serve`, or the default export's `fetch`. */
async function loadHandler(entry: string): Promise<Handler> {
  let served: Handler | undefined;
  const serve = (...args: unknown[]) => {
    const inOptions = args.flatMap((arg) => (arg as { handler?: unknown } | undefined)?.handler ?? []);
    served = [...args, ...inOptions].find((arg) => typeof arg === "function") as Handler | undefined;
    return inertServer();
  };
  Object.defineProperty(Deno, "serve", { value: serve, configurable: true });
  const module = await import(entry) as { default?: { fetch?: unknown } };
  if (served) return served;
  const declared = module.default;
  if (declared && Object.hasOwn(declared, "fetch") && typeof declared.fetch === "function") {
    return declared.fetch as Handler;
  }
  throw new Error(`${entry} neither calls Deno.serve nor exports default { fetch }`);
}

/** What `Deno.serve` returns to a function: the host decides when serving ends. */
function inertServer(): Deno.HttpServer {
  const server = {
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 0 },
    finished: new Promise<void>(() => {}),
    ref() {},
    unref() {},
    shutdown: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return server as Deno.HttpServer;
}

/** Defines `EdgeRuntime.waitUntil`; the returned set holds the work that outlives its request. */
function installEdgeRuntime(): ReadonlySet<Promise<unknown>> {
  const background = new Set<Promise<unknown>>();
  const waitUntil = <T>(promise: Promise<T>): Promise<T> => {
    const settled = Promise.resolve(promise)
      .catch((error) => console.error("background task failed:", error))
      .finally(() => background.delete(settled));
    background.add(settled);
    return promise;
  };
  Object.defineProperty(globalThis, "EdgeRuntime", { value: Object.freeze({ waitUntil }) });
  return background;
}

async function obeyHost(
  lines: AsyncIterable<string>,
  serving: { readonly current?: Serving },
  background: ReadonlySet<Promise<unknown>>,
): Promise<void> {
  for await (const line of lines) {
    if (line.startsWith(RETIRE)) void retire(line.slice(RETIRE.length), serving, background);
  }
  Deno.exit(1);
}

async function retire(
  reason: string,
  serving: { readonly current?: Serving },
  background: ReadonlySet<Promise<unknown>>,
): Promise<void> {
  globalThis.dispatchEvent(new CustomEvent("beforeunload", { detail: { reason } }));
  await serving.current?.shutdown();
  while (background.size > 0) await Promise.all(background);
  Deno.exit(0);
}

function answerUncaught(error: unknown): Response {
  console.error("uncaught error:", error);
  const body = { code: "WORKER_ERROR", message: "Function exited due to an error (please check logs)" };
  return Response.json(body, { status: 500, headers: { "sb-error-code": body.code } });
}
