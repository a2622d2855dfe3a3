/**
 * What the Data API knows of the database without asking: callable functions and the roles' limits. It is read
 * again when the database says `notify pgrst, 'reload schema'` (migrations and DDL do), after a restart of the
 * server, and when a request names something unknown.
 */
import type { Sql } from "postgres";
import { loadRoleTimeouts, type RoleTimeouts } from "./api_session.ts";
import { loadRpcCatalog, type RpcCatalog } from "./rpc_catalog.ts";

export interface SchemaSnapshot {
  readonly functions: RpcCatalog;
  readonly timeouts: RoleTimeouts;
}

/** A request for something unknown re-reads the catalogue at most this often. */
const MISS_RELOAD_INTERVAL_MS = 1_000;
const CHANNEL = "pgrst";
/** Payloads that ask for a new schema; PostgREST treats an empty one as "everything". */
const RELOAD_PAYLOADS: ReadonlySet<string> = new Set(["", "reload schema"]);

export class SchemaCache {
  readonly #sql: Sql;
  readonly #schemas: readonly string[];
  readonly #log: (line: string) => void;
  readonly #listeners: (() => void | Promise<void>)[] = [];
  #snapshot: SchemaSnapshot = { functions: new Map(), timeouts: new Map() };
  #loading: Promise<void> | null = null;
  #isStale = false;
  #loadedAtMs = 0;

  private constructor(sql: Sql, schemas: readonly string[], log: (line: string) => void) {
    this.#sql = sql;
    this.#schemas = schemas;
    this.#log = log;
  }

  /** Reads the schema and starts listening. `sql` stays the caller's to close. */
  static async open(sql: Sql, schemas: readonly string[], log: (line: string) => void): Promise<SchemaCache> {
    const cache = new SchemaCache(sql, schemas, log);
    // A notice may be missed while the connection is down, so every (re)connection of the listener reloads.
    await sql.listen(
      CHANNEL,
      (payload) => void (RELOAD_PAYLOADS.has(payload) && cache.reload()),
      () => void cache.reload(),
    );
    await cache.reload();
    return cache;
  }

  get snapshot(): SchemaSnapshot {
    return this.#snapshot;
  }

  /** Called after each reload, for caches that depend on the same schema. */
  onReload(listener: () => void | Promise<void>): void {
    this.#listeners.push(listener);
  }

  /** Reads the schema anew. Calls during a reload share one more reload after it. Never rejects. */
  reload(): Promise<void> {
    this.#isStale = true;
    this.#loading ??= this.#loadWhileStale().finally(() => this.#loading = null);
    return this.#loading;
  }

  /** Reloads because something was not found; false when that was done just now. */
  async reloadAfterMiss(): Promise<boolean> {
    if (Date.now() - this.#loadedAtMs < MISS_RELOAD_INTERVAL_MS) return false;
    await this.reload();
    return true;
  }

  async #loadWhileStale(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        const [functions, timeouts] = await Promise.all([
          loadRpcCatalog(this.#sql, this.#schemas),
          loadRoleTimeouts(this.#sql),
        ]);
        this.#snapshot = { functions, timeouts };
        this.#loadedAtMs = Date.now();
        for (const listener of this.#listeners) await listener();
      } catch (error) {
        this.#log(
          `data api: the schema could not be read (${String(error)}); the last known one stays in use`,
        );
      }
    }
  }
}
