/**
 * The worker of the stand-in extension pg_net (its tables and functions are in sql/net.sql): takes requests in batches
 * and sends them. It keeps the habits of the hosted worker that a design must survive: a batch waits for its slowest
 * request, a nap follows each batch, nothing is retried, and what is in flight when the server crashes is lost.
 */
import postgres from "postgres";
import { listen } from "./listener.ts";
import { type QueuedRequest, sendRequest, type StoredResponse } from "./pg_net_http.ts";

/** Settings of the hosted extension; the defaults are its defaults. */
export interface PgNetOptions {
  /** Most requests in one batch, and most expired responses removed with it. */
  batchSize?: number;
  /** Longest nap after a batch, in milliseconds. Hosted it is fixed; tests that are not about it shorten it. */
  napMs?: number;
  /** How long responses are kept, as a PostgreSQL interval. */
  ttl?: string;
  /** Receives failures of the worker itself; failures of requests are rows. */
  log?: (line: string) => void;
}

const NAME = "pg_net 0.20.4";
const BATCH_SIZE = 200;
const TTL = "6 hours";
const NAP_MS = 1_000;
/** After an error of the worker, e.g. a database that is restarting. */
const RESTART_DELAY_MS = 1_000;

/** Starts the worker on one database. It waits in peace for the extension to be created. */
export async function startPgNet(
  adminUrl: string,
  options: PgNetOptions = {},
): Promise<{ stop(): Promise<void> }> {
  const worker = new Worker(adminUrl, options);
  const listener = listen(adminUrl, NAME, "pg_net", {
    onListening: () => worker.wake(),
    onNotice: () => worker.wake(),
  });
  const running = worker.run();
  await listener.ready;
  return {
    async stop() {
      worker.stop();
      await Promise.all([listener.stop(), running]);
    },
  };
}

class Worker {
  readonly #adminUrl: string;
  readonly #options: Required<PgNetOptions>;
  readonly #stopping = new AbortController();
  readonly #latch = new Latch();
  #database: Database;
  /**
   * The original keeps this flag in shared memory. A commit sets the latch only when it raises the flag, and the flag
   * is lowered only when the worker leaves its sleep; so in a row of batches one commit cuts a nap short, and
   * every later one waits the nap out.
   */
  #shouldWake = true;

  constructor(adminUrl: string, options: PgNetOptions) {
    this.#adminUrl = adminUrl;
    this.#options = { batchSize: BATCH_SIZE, ttl: TTL, napMs: NAP_MS, log: () => {}, ...options };
    this.#database = new Database(adminUrl, this.#stopping.signal);
  }

  wake(): void {
    if (this.#shouldWake) return;
    this.#shouldWake = true;
    this.#latch.set();
  }

  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (!this.#shouldWake) {
        await this.#latch.wait(null);
        continue;
      }
      this.#shouldWake = false;
      try {
        await this.#drain();
      } catch (error) {
        if (!this.#stopping.signal.aborted) await this.#recover(error as Error);
      }
    }
    await this.#database.close();
  }

  stop(): void {
    this.#stopping.abort();
    this.#latch.set();
  }

  async #drain(): Promise<void> {
    if (!(await this.#database.hasExtension())) return;
    for (let hadWork = true; hadWork && !this.#stopping.signal.aborted;) {
      hadWork = await this.#database.runBatch(this.#options.batchSize, this.#options.ttl);
      await this.#latch.wait(this.#options.napMs);
    }
  }

  /** As the original is restarted: a new connection, and whatever the failed batch held is sent again if still queued. */
  async #recover(error: Error): Promise<void> {
    this.#options.log(`pg_net: ${error.message}; starting over in ${RESTART_DELAY_MS} ms`);
    await this.#database.close();
    this.#database = new Database(this.#adminUrl, this.#stopping.signal);
    await this.#latch.wait(RESTART_DELAY_MS);
    this.#shouldWake = true;
  }
}

/** One connection of the worker. After an error it is thrown away, which also rolls back what it had begun. */
class Database {
  readonly #sql: postgres.Sql;
  readonly #ended: AbortSignal;
  #hasExtension = false;

  constructor(adminUrl: string, stopping: AbortSignal) {
    const closing = new AbortController();
    this.#ended = AbortSignal.any([stopping, closing.signal]);
    this.#sql = postgres(adminUrl, {
      max: 1,
      max_lifetime: null,
      fetch_types: false,
      onnotice: () => {},
      onclose: () => closing.abort(new Error("the connection to the database was lost")),
      // As hosted, the worker is no superuser: every role may put a trigger on its tables.
      connection: { application_name: NAME, role: "postgres" },
    });
  }

  async hasExtension(): Promise<boolean> {
    if (this.#hasExtension) return true;
    const [row] = await this.#sql<{ found: boolean }[]>`
      select exists (select from pg_catalog.pg_extension where extname = 'pg_net') as found`;
    return this.#hasExtension = row?.found ?? false;
  }

  /** A session, or the failure as soon as the connection is lost: the driver forgets who waited for one then. */
  async #reserve(): Promise<postgres.ReservedSql> {
    this.#ended.throwIfAborted();
    const lost = Promise.withResolvers<never>();
    const lose = () => lost.reject(this.#ended.reason);
    this.#ended.addEventListener("abort", lose, { once: true });
    try {
      return await Promise.race([this.#sql.reserve(), lost.promise]);
    } finally {
      this.#ended.removeEventListener("abort", lose);
    }
  }

  /**
   * Takes, sends and stores one batch in one transaction; true when there was anything to do. The first statements go
   * out together, for each round trip would delay every request of an idle system. Nothing is written once the
   * connection is lost: the driver would fail where nobody can catch it.
   */
  async runBatch(size: number, ttl: string): Promise<boolean> {
    const session = await this.#reserve();
    const [, responses, expired] = await Promise.all([
      session`begin`,
      claim(session, size).then((requests) =>
        Promise.all(requests.map((request) => sendRequest(request, this.#ended)))
      ),
      expire(session, ttl, size),
    ]);
    this.#ended.throwIfAborted();
    if (responses.length > 0) await store(session, responses);
    await session`commit`;
    session.release();
    return responses.length > 0 || expired > 0;
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 0 });
  }
}

async function claim(session: postgres.ISql, batchSize: number): Promise<QueuedRequest[]> {
  return await session<QueuedRequest[]>`
    with batch as (
      select id from net.http_request_queue order by id limit ${batchSize}
    )
    delete from net.http_request_queue q using batch where q.id = batch.id
    returning
      q.id,
      q.method::text,
      q.url,
      (select jsonb_object_agg(key, value) from jsonb_each_text(q.headers)) as headers,
      q.body,
      q.timeout_milliseconds as "timeoutMs"`;
}

async function expire(session: postgres.ISql, ttl: string, batchSize: number): Promise<number> {
  const { count } = await session`
    delete from net._http_response
    where ctid = any (array(
      select ctid from net._http_response where created < now() - ${ttl}::interval order by created limit ${batchSize}
    ))`;
  return count;
}

async function store(session: postgres.ISql, responses: readonly StoredResponse[]): Promise<void> {
  await session`
    insert into net._http_response (id, status_code, content_type, headers, content, timed_out, error_msg)
    select id, status_code, content_type, headers, content, timed_out, error_msg
    from jsonb_to_recordset(${JSON.stringify(responses)}::text::jsonb) as r (
      id bigint, status_code int, content_type text, headers jsonb, content text, timed_out bool, error_msg text
    )`;
}

/** A flag that a sleeper waits for. Set while nobody sleeps, it lets the next sleeper through at once. */
class Latch {
  #isSet = false;
  #release: (() => void) | null = null;

  set(): void {
    this.#isSet = true;
    this.#release?.();
  }

  /** Waits until set or until the time is over, null for ever; unsets it. */
  async wait(ms: number | null): Promise<void> {
    if (!this.#isSet) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#release = resolve;
      const timer = ms === null ? undefined : setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
      this.#release = null;
    }
    this.#isSet = false;
  }
}
