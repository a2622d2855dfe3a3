/**
 * Serves a project's Edge Functions under `/functions/v1/<slug>`: one process per function, started when first
 * needed, replaced when its code changes, when half its life is over and after it died.
 */
import { dirname, resolve } from "node:path";
import { FunctionBundles } from "./function_bundles.ts";
import { FunctionWorker, WorkerError } from "./function_worker.ts";
import { type FunctionConfig, readFunctions } from "./functions_config.ts";
import { refuseUnverified, unknownFunctionAnswer, workerFault } from "./functions_gate.ts";
import { bodyTooLarge, readBody } from "./http_edges.ts";
import type { LocalKeys } from "./keys.ts";
import type { LocalPostgres } from "./postgres.ts";
import type { TokenService } from "./tokens.ts";
import { HOSTED_LIMITS, type WorkerLimits } from "./worker_limits.ts";

export interface FunctionsHostOptions {
  /** Folder whose sub-folders are functions; those starting with `_` hold shared code. */
  readonly functionsDir: string;
  /** Default: `config.toml` beside the functions folder. */
  readonly configPath?: string;
  /** Where what is made of the functions is kept. Default: `.fillbase/functions` of this project. */
  readonly bundlesDir?: string;
  /** The project's address, as functions see it in SUPABASE_URL. */
  readonly url: string;
  readonly postgres: Pick<LocalPostgres, "url">;
  readonly keys: LocalKeys;
  readonly tokens: TokenService;
  /** The user's secrets. Names starting with SUPABASE_ belong to the platform and are left out. */
  readonly env?: Readonly<Record<string, string>>;
  readonly limits?: Partial<WorkerLimits>;
  readonly maxBodyBytes?: number;
  readonly log?: (line: string) => void;
}

export interface FunctionsHost {
  /** Answers a request whose path starts with `/functions/v1/`. */
  handle(request: Request): Promise<Response>;
  /** Starts functions ahead of their first request; one that cannot start is reported by its first request. */
  prewarm(slugs: readonly string[]): Promise<void>;
  /** The function's processes, newest last; empty when it is not running. */
  pids(slug: string): readonly number[];
  stop(): Promise<void>;
}

/** Largest request body that is passed to a function. */
export const MAX_FUNCTION_BODY_BYTES = 10 * 1024 * 1024;
/** Changes that follow each other faster than this, as editors write them, cause one reload. */
const RELOAD_DEBOUNCE_MS = 50;
/** Sending a request again is safe only while it has not reached a worker; once suffices. */
const FORWARD_ATTEMPTS = 2;
const PREFIX = "/functions/v1/";
const BUNDLES_DIR = new URL("../.fillbase/functions", import.meta.url).pathname;
/** Headers that concern the connection to the gateway, or that only the gateway may set. */
const STRIPPED_HEADERS = [
  "host",
  "sb-api-key",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
];

/** Reads the functions' settings and starts watching their code. */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const host = new Host(options);
  await host.readConfig();
  host.watch();
  return host;
}

class Host implements FunctionsHost {
  readonly #options: FunctionsHostOptions;
  readonly #dir: string;
  readonly #configPath: string;
  readonly #bundles: FunctionBundles;
  readonly #limits: WorkerLimits;
  readonly #log: (line: string) => void;
  readonly #watchers: Deno.FsWatcher[] = [];
  /** The worker that takes a function's requests, started or starting. */
  readonly #current = new Map<string, Promise<FunctionWorker>>();
  /** Every living process, also those that are being replaced. */
  readonly #alive = new Map<FunctionWorker, string>();
  #functions: ReadonlyMap<string, FunctionConfig> = new Map();
  #isStopped = false;

  constructor(options: FunctionsHostOptions) {
    this.#options = options;
    this.#dir = resolve(options.functionsDir);
    this.#configPath = resolve(options.configPath ?? `${this.#dir}/../config.toml`);
    this.#bundles = new FunctionBundles(resolve(options.bundlesDir ?? BUNDLES_DIR));
    this.#limits = { ...HOSTED_LIMITS, ...options.limits };
    this.#log = options.log ?? ((line) => console.error(line));
  }

  async handle(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const slug = url.pathname.slice(PREFIX.length).split("/", 1)[0] ?? "";
    const config = this.#functions.get(slug);
    if (!config?.isEnabled) return unknownFunctionAnswer();
    if (config.verifiesJwt && request.method !== "OPTIONS") {
      const refusal = await refuseUnverified(request, this.#options.keys, this.#options.tokens);
      if (refusal) return refusal;
    }
    const limit = this.#options.maxBodyBytes ?? MAX_FUNCTION_BODY_BYTES;
    const body = await readBody(request, limit);
    if (body === null) return bodyTooLarge(limit);
    const path = `/${url.pathname.slice(PREFIX.length)}${url.search}`;
    const init = {
      method: request.method,
      headers: forwardedHeaders(request, url),
      body: bodyOf(request, body),
    };
    try {
      return await this.#forward(slug, path, init);
    } catch (error) {
      if (error instanceof WorkerError) return workerFault(error.fault, this.#limits.idleMs);
      throw error;
    }
  }

  async prewarm(slugs: readonly string[]): Promise<void> {
    await Promise.allSettled(
      slugs.filter((slug) => this.#functions.has(slug)).map((slug) => this.#worker(slug)),
    );
  }

  pids(slug: string): readonly number[] {
    return [...this.#alive].filter(([, name]) => name === slug).map(([worker]) => worker.pid);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const watcher of this.#watchers) watcher.close();
    await Promise.allSettled(this.#current.values());
    const workers = [...this.#alive.keys()];
    for (const worker of workers) worker.kill();
    await Promise.all(workers.map((worker) => worker.exited));
  }

  async readConfig(): Promise<void> {
    this.#functions = await readFunctions(this.#dir, this.#configPath);
  }

  /** Replaces workers as their code changes; a change outside a function's own folder concerns all of them. */
  watch(): void {
    void this.#follow(Deno.watchFs(this.#dir), () => true);
    // The folder, not the file: editors replace a file by renaming, and a watch would stay with the old one.
    const configDir = dirname(this.#configPath);
    void this.#follow(Deno.watchFs(configDir, { recursive: false }), (path) => path === this.#configPath);
  }

  async #follow(watcher: Deno.FsWatcher, concerns: (path: string) => boolean): Promise<void> {
    this.#watchers.push(watcher);
    const changed = new Set<string>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reloadChanged = () => {
      const slugs = [...changed];
      changed.clear();
      void this.#reload(slugs);
    };
    for await (const { kind, paths } of watcher) {
      const concerned = kind === "access" ? [] : paths.filter(concerns);
      if (concerned.length === 0) continue;
      for (const path of concerned) changed.add(this.#slugOf(path));
      clearTimeout(timer);
      timer = setTimeout(reloadChanged, RELOAD_DEBOUNCE_MS);
    }
    clearTimeout(timer);
  }

  /** The function whose folder holds the path, or "" for code and settings that all share. */
  #slugOf(path: string): string {
    const inside = path.startsWith(`${this.#dir}/`)
      ? path.slice(this.#dir.length + 1).split("/", 1)[0] ?? ""
      : "";
    return this.#functions.has(inside) ? inside : "";
  }

  async #reload(slugs: readonly string[]): Promise<void> {
    if (this.#isStopped) return;
    try {
      await this.readConfig();
    } catch (error) {
      this.#log(`functions: ${(error as Error).message}; the settings read before stay in use`);
    }
    const concerned = slugs.includes("") ? [...this.#current.keys()] : slugs;
    for (const slug of concerned) await this.#replace(slug, "reload");
  }

  /** Retires the function's worker, if it has one, and starts the next at once: who used it will use it again. */
  async #replace(slug: string, reason: string): Promise<void> {
    const old = this.#current.get(slug);
    if (old === undefined || this.#isStopped) return;
    this.#current.delete(slug);
    if (this.#functions.has(slug)) this.prewarm([slug]);
    await old.then((worker) => worker.retire(reason), () => {});
  }

  async #forward(slug: string, path: string, init: RequestInit): Promise<Response> {
    for (let attempt = 1;; attempt++) {
      const worker = await this.#worker(slug);
      try {
        return await worker.forward(path, init);
      } catch (error) {
        const neverArrived = error instanceof WorkerError && error.fault === "unreachable";
        if (!neverArrived || attempt >= FORWARD_ATTEMPTS) throw error;
        worker.kill();
        await worker.exited;
      }
    }
  }

  /** The worker that takes the function's requests; starts one when there is none that can. */
  async #worker(slug: string): Promise<FunctionWorker> {
    const known = this.#current.get(slug);
    const worker = await known;
    if (worker?.isUsable) return worker;
    if (this.#current.get(slug) !== known) return await this.#worker(slug);
    const starting = this.#start(slug);
    this.#current.set(slug, starting);
    starting.catch(() => this.#current.get(slug) === starting && this.#current.delete(slug));
    return await starting;
  }

  async #start(slug: string): Promise<FunctionWorker> {
    if (this.#isStopped) throw new WorkerError("boot", "the functions host is stopped");
    const worker = await FunctionWorker.start({
      slug,
      entry: await this.#bundle(slug),
      env: this.#environment(slug),
      limits: this.#limits,
      log: this.#log,
    });
    this.#alive.set(worker, slug);
    const halfLife = setTimeout(
      () => void this.#replaceIfCurrent(slug, worker),
      this.#limits.wallClockMs / 2,
    );
    worker.exited.then(() => {
      clearTimeout(halfLife);
      this.#alive.delete(worker);
    });
    return worker;
  }

  /** Path of the function as one file. Throws a `WorkerError` of fault `boot`; the log says why. */
  async #bundle(slug: string): Promise<string> {
    try {
      return await this.#bundles.pathOf(slug, `${this.#dir}/${slug}/index.ts`);
    } catch (error) {
      this.#log(`${slug}: ${(error as Error).message}`);
      throw new WorkerError("boot", `the function ${slug} could not be bundled`);
    }
  }

  async #replaceIfCurrent(slug: string, worker: FunctionWorker): Promise<void> {
    if (await this.#current.get(slug) === worker) await this.#replace(slug, "wall_clock");
  }

  #environment(slug: string): Record<string, string> {
    const { url, postgres, keys, tokens, env } = this.#options;
    const own = { ...env, ...this.#functions.get(slug)?.env };
    const allowed = Object.entries(own).filter(([name]) => !name.startsWith("SUPABASE_"));
    return {
      ...Object.fromEntries(allowed),
      SUPABASE_URL: url,
      SUPABASE_DB_URL: postgres.url,
      SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: keys.publishable }),
      SUPABASE_SECRET_KEYS: JSON.stringify(keys.secrets),
      SUPABASE_JWKS: JSON.stringify(tokens.jwks),
      SUPABASE_FUNCTION_SLUG: slug,
      SB_REGION: "local",
      SB_EXECUTION_ID: crypto.randomUUID(),
    };
  }
}

function forwardedHeaders(request: Request, url: URL): Headers {
  const headers = new Headers(request.headers);
  for (const name of STRIPPED_HEADERS) headers.delete(name);
  headers.set("x-forwarded-host", url.host);
  headers.set("x-forwarded-proto", "http");
  // The gateway compresses for the caller; between processes it would only cost time.
  headers.set("accept-encoding", "identity");
  return headers;
}

function bodyOf(request: Request, body: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  return request.method === "GET" || request.method === "HEAD" ? undefined : body;
}
