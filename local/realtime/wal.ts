/**
 * Reads committed row changes from the write-ahead log through a temporary replication slot. The slot dies with
 * its connection, so a stopped stack retains no log; what commits while no connection is up is not delivered,
 * which is what the hosted server promises too.
 */
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import postgres from "postgres";
import { PgOutputDecoder, type WalChange } from "./pgoutput.ts";

/** How to read. */
export interface WalReaderOptions {
  /** Superuser connection URL of the database. */
  readonly url: string;
  /** Names of publications; those that do not exist yet are taken in when they appear. */
  readonly publications: readonly string[];
  /** Called for each committed change, in commit order. Must not throw. */
  readonly onChange: (change: WalChange) => void;
  readonly log: (line: string) => void;
}

/** A running reader. */
export interface WalReader {
  /** Whether changes are being streamed now. */
  readonly isStreaming: boolean;
  /** Resolves with true as soon as changes are streamed, with false when that takes longer than the time. */
  streaming(timeoutMs: number): Promise<boolean>;
  /** Ends the connection, and the slot with it. */
  stop(): Promise<void>;
}

const RECONNECT_MIN_MS = 25;
const RECONNECT_MAX_MS = 2_000;
/** The server asks for a sign of life after 30 s; a report more often lets it recycle the log sooner. */
const STATUS_INTERVAL_MS = 10_000;
const PUBLICATION_RECHECK_MS = 2_000;
const CONNECT_TIMEOUT_S = 5;
const END_TIMEOUT_S = 1;

/** Starts reading; resolves when the first session streams, rejects when that session cannot be opened. */
export async function startWalReader(options: WalReaderOptions): Promise<WalReader> {
  const reader = new Reader(options);
  await reader.open();
  return reader;
}

class Reader implements WalReader {
  readonly #options: WalReaderOptions;
  #session: Session | null = null;
  #opening: Promise<void> = Promise.resolve();
  #isStopped = false;
  #retryDelayMs = RECONNECT_MIN_MS;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #waiting = new Set<(isStreaming: boolean) => void>();

  constructor(options: WalReaderOptions) {
    this.#options = options;
  }

  get isStreaming(): boolean {
    return this.#session !== null;
  }

  async streaming(timeoutMs: number): Promise<boolean> {
    if (this.isStreaming || this.#isStopped) return this.isStreaming;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeoutMs);
    this.#waiting.add(resolve);
    const isStreaming = await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
    return isStreaming;
  }

  open(): Promise<void> {
    return this.#opening = this.#open();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    this.#settle(false);
    await this.#opening.catch(() => {});
    await this.#session?.close();
    this.#session = null;
  }

  async #open(): Promise<void> {
    const session = await Session.open(this.#options);
    if (this.#isStopped) return await session.close();
    this.#session = session;
    session.onLost((reason) => this.#lost(reason));
    this.#retryDelayMs = RECONNECT_MIN_MS;
    this.#settle(true);
  }

  #settle(isStreaming: boolean): void {
    for (const resolve of this.#waiting) resolve(isStreaming);
  }

  #lost(reason: string): void {
    this.#session = null;
    this.#options.log(`realtime: the replication stream ended (${reason}); reconnecting`);
    this.#retry();
  }

  #retry(): void {
    this.#retryTimer = setTimeout(() => {
      this.open().catch((error: Error) => {
        if (this.#isStopped) return;
        this.#options.log(`realtime: no replication stream: ${error.message}`);
        this.#retry();
      });
    }, this.#retryDelayMs);
    this.#retryDelayMs = Math.min(this.#retryDelayMs * 2, RECONNECT_MAX_MS);
  }
}

/** One connection with one slot. It ends once: by close, or by a loss that is told to one listener. */
class Session {
  readonly #sql: postgres.Sql;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #lostBecause: string | null = null;
  #isClosed = false;
  #listener: ((reason: string) => void) | null = null;

  private constructor(url: string) {
    this.#sql = replicationConnection(url, () => this.#lose("connection closed"));
  }

  static async open(options: WalReaderOptions): Promise<Session> {
    const session = new Session(options.url);
    try {
      await session.#start(options);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Tells the listener when the stream is lost, at once if that has happened. */
  onLost(listener: (reason: string) => void): void {
    this.#listener = listener;
    if (this.#lostBecause !== null) listener(this.#lostBecause);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timers.forEach(clearInterval);
    // a streaming connection is never idle: waiting for it to finish its query would only lose time
    await this.#sql.end({ timeout: 0 });
  }

  async #start(options: WalReaderOptions): Promise<void> {
    const lose = (reason: string) => this.#lose(reason);
    const publications = await existing(this.#sql, options.publications);
    const stream = await startStream(this.#sql, publications);
    stream.on("error", (error) => lose(error.message));
    stream.on("close", () => lose("stream closed"));
    this.#timers.push(consume(stream, options.onChange, lose));
    if (publications.length < options.publications.length) {
      this.#timers.push(watchForMissing(options, publications, lose));
    }
  }

  #lose(reason: string): void {
    if (this.#isClosed || this.#lostBecause !== null) return;
    this.#lostBecause = reason;
    this.close().catch(() => {});
    this.#listener?.(reason);
  }
}

/** A connection in replication mode: it knows only the simple query protocol, and must never be recycled. */
function replicationConnection(url: string, onclose: () => void): postgres.Sql {
  return postgres(url, {
    max: 1,
    prepare: false,
    fetch_types: false,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => {},
    onclose,
    connection: { application_name: "realtime_replication_connection", replication: "database" },
  });
}

async function existing(sql: postgres.Sql, publications: readonly string[]): Promise<string[]> {
  const rows = await sql.unsafe<{ pubname: string }[]>("select pubname from pg_catalog.pg_publication");
  const present = new Set(rows.map((row) => row.pubname));
  return publications.filter((name) => present.has(name));
}

async function startStream(sql: postgres.Sql, publications: readonly string[]): Promise<Duplex> {
  const slot = `supabase_realtime_messages_replication_slot_${crypto.randomUUID().slice(0, 8)}`;
  await sql.unsafe(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
  const parameters = `proto_version '1', publication_names '${publications.join(",")}'`;
  // postgres.js types this as a Writable; in replication mode it is readable as well
  return await sql.unsafe(`START_REPLICATION SLOT ${slot} LOGICAL 0/0 (${parameters})`).writable() as Duplex;
}

/** Hands changes on and reports progress; returns the timer of the reports. */
function consume(stream: Duplex, onChange: WalReaderOptions["onChange"], lose: (reason: string) => void) {
  const decoder = new PgOutputDecoder();
  let position = 0n;
  const report = () => stream.write(statusUpdate(position));
  stream.on("data", (message: Buffer) => {
    const kind = message[0];
    if (kind === 0x6b /* k: keepalive */) {
      position = max(position, message.readBigUInt64BE(1));
      if (message[17] === 1) report();
    } else if (kind === 0x77 /* w: log data */) {
      position = max(position, message.readBigUInt64BE(1));
      try {
        const change = decoder.decode(message.subarray(25));
        if (change !== null) onChange(change);
      } catch (error) {
        lose((error as Error).message);
      }
    }
  });
  return setInterval(report, STATUS_INTERVAL_MS);
}

function watchForMissing(
  options: WalReaderOptions,
  known: readonly string[],
  lose: (reason: string) => void,
) {
  const missing = options.publications.filter((name) => !known.includes(name));
  options.log(`realtime: publication ${missing.join(", ")} does not exist; its changes are not delivered`);
  return setInterval(async () => {
    const sql = postgres(options.url, { max: 1, fetch_types: false, onnotice: () => {} });
    try {
      if ((await existing(sql, missing)).length > 0) lose("a missing publication was created");
    } catch {
      // the server is away: the stream itself will say so
    } finally {
      await sql.end({ timeout: END_TIMEOUT_S });
    }
  }, PUBLICATION_RECHECK_MS);
}

/** "Everything up to here is dealt with": the position as written, flushed and applied, and the time. */
function statusUpdate(position: bigint): Buffer {
  const message = Buffer.alloc(34);
  message.write("r", 0, "latin1");
  for (const offset of [1, 9, 17]) message.writeBigUInt64BE(position, offset);
  message.writeBigInt64BE(BigInt(Date.now() - Date.UTC(2000, 0, 1)) * 1000n, 25);
  return message;
}

function max(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
