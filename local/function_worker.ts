/** One process that runs one Edge Function, within its limits. */
import { type BootOrder, RETIRE } from "./functions_bootstrap.ts";
import { SourcePlaces } from "./source_places.ts";
import { TextLineStream } from "./text_lines.ts";
import { CpuMeter, readUsage, RUNTIME_MEMORY_BYTES, type WorkerLimits } from "./worker_limits.ts";

export interface WorkerOptions {
  readonly slug: string;
  /** Absolute path of the function's bundle. */
  readonly entry: string;
  /** Everything the function finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly limits: WorkerLimits;
  readonly log: (line: string) => void;
}

/** Why a worker gave no response. */
export type WorkerFault = "boot" | "crash" | "limit" | "idle" | "unreachable";

/** A request that ended without a response of the function. */
export class WorkerError extends Error {
  readonly fault: WorkerFault;

  constructor(fault: WorkerFault, message: string) {
    super(message);
    this.name = "WorkerError";
    this.fault = fault;
  }
}

/** Read by the runtime while it starts. */
const START_ENV = ["HOME", "DENO_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE"];
/** Removed before the function is loaded: what only starting needed, and what the runtime adds by itself. */
const DROPPED_ENV = [
  ...START_ENV,
  ...["DENO_NO_UPDATE_CHECK", "DENO_NODE_SHIM_ACTIVE", "PATH"],
  ...["NO_COLOR", "MALLOC_ARENA_MAX"],
];
/** Beside the function's own. */
const RUNTIME_ENV = {
  DENO_NO_UPDATE_CHECK: "1",
  // Its log is read by programs first.
  NO_COLOR: "1",
  // The C library would keep freed memory for each of the runtime's threads, some 3 MB in all.
  MALLOC_ARENA_MAX: "1",
};
/** How this machine reaches the internet; a hosted function needs no such thing, a local one may. */
const NETWORK_ENV = [
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "DENO_CERT", "DENO_TLS_CA_STORE", "NODE_EXTRA_CA_CERTS"],
];
/** The rest of a worker's memory is the runtime's own and what the network keeps outside the heap. */
const HEAP_SHARE = 0.6;
/**
 * Largest half of the space in which new objects are made (MiB). Left alone it grows to its full size under the smallest
 * load, because the heap is nowhere near its limit, and a worker would hold 15 MB of garbage. Hosted, the platform
 * decides; see docs/decisions/0029-local-workers-run-what-is-deployed.md.
 */
const YOUNG_HALF_MIB = 1;
const PERMISSIONS = [
  "--allow-net",
  "--allow-env",
  "--allow-read",
  "--allow-write",
  "--allow-sys=hostname",
  "--deny-run",
  "--deny-ffi",
];
const MIB = 1024 * 1024;
/** By these the runtime ends itself when its heap is full. */
const HEAP_EXHAUSTED: ReadonlySet<Deno.Signal | null> = new Set<Deno.Signal>([
  "SIGTRAP",
  "SIGABRT",
  "SIGILL",
]);
/** A broken connection is explained by the end of the process, which may take this long to be noticed. */
const DEATH_NOTICE_MS = 200;
const BOOTSTRAP = new URL("./functions_bootstrap.ts", import.meta.url).href;

export class FunctionWorker {
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #cpu: CpuMeter;
  readonly #places: SourcePlaces;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #origin = "";
  #running = 0;
  #acceptsRequests = true;
  #isGone = false;
  #brokeLimit: string | null = null;

  private constructor(options: WorkerOptions) {
    this.#options = options;
    this.#cpu = new CpuMeter(options.limits.cpuPerRequestMs);
    this.#places = new SourcePlaces(options.entry);
    this.#child = spawn(options);
    this.pid = this.#child.pid;
    this.#stdin = this.#child.stdin.getWriter();
    this.exited = this.#child.status.then((status) => this.#release(status));
  }

  /** Starts the process and waits until it serves. Throws a `WorkerError` of fault `boot`. */
  static async start(options: WorkerOptions): Promise<FunctionWorker> {
    const worker = new FunctionWorker(options);
    const port = await worker.#boot();
    if (port === null) {
      worker.kill();
      await worker.exited;
      throw new WorkerError("boot", `the function ${options.slug} failed to start`);
    }
    worker.#origin = `http://127.0.0.1:${port}`;
    worker.#timers.push(
      setTimeout(() => worker.#breakLimit("wall clock"), options.limits.wallClockMs),
      setInterval(() => worker.#measure(), options.limits.sampleMs),
    );
    return worker;
  }

  /** Whether it may be given a request; once false, never true again. */
  get isUsable(): boolean {
    return this.#acceptsRequests;
  }

  /**
   * Passes a request on. `path` starts with the slug, as hosted functions see it. Rejects with a `WorkerError`
   * when no response begins within the idle limit, or when the process ends first.
   */
  async forward(path: string, init: RequestInit): Promise<Response> {
    this.#requestStarted();
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), this.#options.limits.idleMs);
    try {
      const response = await fetch(this.#origin + path, { ...init, redirect: "manual", signal: idle.signal });
      return this.#trackBody(response);
    } catch (error) {
      this.#requestEnded();
      if (!idle.signal.aborted) await this.#deathNoticed();
      throw this.#faultOf(error, idle.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  /** No further requests; the process ends when what it has begun is done, or when its life is over. */
  retire(reason: string): void {
    if (!this.#acceptsRequests) return;
    this.#acceptsRequests = false;
    this.#stdin.write(new TextEncoder().encode(`${RETIRE}${reason}\n`)).catch(() => {});
  }

  /** Ends the process at once. */
  kill(): void {
    this.#acceptsRequests = false;
    if (!this.#isGone) this.#child.kill("SIGKILL");
  }

  async #boot(): Promise<string | null> {
    const { entry, limits } = this.#options;
    const order: BootOrder = {
      entry: `file://${entry}`,
      mark: `${crypto.randomUUID()} `,
      dropEnv: DROPPED_ENV,
    };
    const port = Promise.withResolvers<string | null>();
    this.#readLines(this.#child.stdout, (line) => {
      if (line.startsWith(order.mark)) port.resolve(line.slice(order.mark.length));
      else this.#log(line);
    });
    this.#readLines(this.#child.stderr, (line) => this.#log(line));
    const timer = setTimeout(() => port.resolve(null), limits.bootMs);
    this.exited.then(() => port.resolve(null));
    this.#stdin.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`)).catch(() => port.resolve(null));
    const found = await port.promise;
    clearTimeout(timer);
    return found;
  }

  async #readLines(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
    const text = stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>);
    for await (const line of text.pipeThrough(new TextLineStream())) onLine(line);
  }

  #requestStarted(): void {
    if (this.#running === 0) this.#cpu.startBusy(readUsage(this.pid)?.cpuMs ?? 0);
    this.#running++;
  }

  #requestEnded(): void {
    this.#running--;
    this.#cpu.requestEnded();
  }

  /** A request runs until its response is sent to the end or nobody wants it any more. */
  #trackBody(response: Response): Response {
    if (response.body === null) {
      this.#requestEnded();
      return response;
    }
    const ended = () => this.#requestEnded();
    const watched = new TransformStream<Uint8Array, Uint8Array>();
    response.body.pipeTo(watched.writable).then(ended, ended);
    return new Response(watched.readable, response);
  }

  #measure(): void {
    const usage = readUsage(this.pid);
    if (usage === null) return;
    if (usage.memoryBytes > this.#options.limits.memoryBytes + RUNTIME_MEMORY_BYTES) {
      this.#breakLimit("memory");
    } else if (this.#running > 0 && this.#cpu.isExceeded(usage.cpuMs, this.#running)) {
      this.#breakLimit("CPU time");
    }
  }

  async #deathNoticed(): Promise<void> {
    const { promise: patience, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, DEATH_NOTICE_MS);
    await Promise.race([this.exited, patience]);
    clearTimeout(timer);
  }

  #breakLimit(limit: string): void {
    this.#brokeLimit = limit;
    this.#log(`killed: over its limit of ${limit}`);
    this.kill();
  }

  #faultOf(error: unknown, idle: AbortSignal): WorkerError {
    const { slug, limits } = this.#options;
    if (this.#brokeLimit) {
      return new WorkerError("limit", `${slug} went over its limit of ${this.#brokeLimit}`);
    }
    if (idle.aborted) return new WorkerError("idle", `${slug} gave no response within ${limits.idleMs} ms`);
    if (String((error as Error).message).includes("Connection refused")) {
      return new WorkerError("unreachable", `the process of ${slug} is gone`);
    }
    return new WorkerError("crash", `${slug} ended without a response`);
  }

  #release(status: Deno.CommandStatus): void {
    if (HEAP_EXHAUSTED.has(status.signal)) this.#brokeLimit ??= "memory";
    this.#isGone = true;
    this.#acceptsRequests = false;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stdin.close().catch(() => {});
  }

  #log(line: string): void {
    this.#options.log(`${this.#options.slug}: ${this.#places.translate(line)}`);
  }
}

/** Arguments of `deno` for a process with a worker's heap, without anything that a configuration adds. */
export function runtimeArgs(memoryBytes: number): string[] {
  return ["run", "--quiet", "--no-prompt", "--cached-only", "--no-config", heapFlags(memoryBytes)];
}

/** Gives a process the heap of a worker that may have so much memory of its own. */
export function heapFlags(memoryBytes: number): string {
  // A heap that knows its limit collects garbage in time, instead of growing into the memory check.
  const heapMib = Math.ceil(memoryBytes * HEAP_SHARE / MIB);
  return `--v8-flags=--max-heap-size=${heapMib},--max-semi-space-size=${YOUNG_HALF_MIB}`;
}

function spawn({ env, limits }: WorkerOptions): Deno.ChildProcess {
  const inherited = [...START_ENV, ...NETWORK_ENV].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  });
  return new Deno.Command(Deno.execPath(), {
    args: [...runtimeArgs(limits.memoryBytes), ...PERMISSIONS, BOOTSTRAP],
    clearEnv: true,
    env: { ...Object.fromEntries(inherited), ...RUNTIME_ENV, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}
