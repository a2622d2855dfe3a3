/**
 * `postgres_changes`: takes row changes from the log, asks the database which listener may see which of them, and
 * hands the payloads out in commit order. While one question is under way further changes gather into the next.
 * Row level security is asked about the row as it is now, as on the hosted platform: a row that was deleted in the
 * meantime is seen by nobody.
 */
import type postgres from "postgres";
import type { ChangeInterest } from "./filters.ts";
import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";
import type { WalChange } from "./pgoutput.ts";

/** A channel's subscription: its interests with the ids that the client knows them by. */
export interface ChangeSubscription {
  identity: Identity;
  readonly interests: readonly { readonly id: number; readonly interest: ChangeInterest }[];
  /** Receives the payload of a `postgres_changes` message as JSON text. */
  deliver(payloadJson: string): void;
}

/** What is wrong with an interest, for the client; a table that is not published may still be, so that is not final. */
export interface InterestProblem {
  readonly text: string;
  readonly isFinal: boolean;
}

/** A commit is visible microseconds after its flush; a backend that is stuck there longer than this is lost anyway. */
const MAX_VISIBILITY_LOOKS = 1_000;

/** Routes the changes of the log to the subscriptions. */
export class ChangeRouter {
  readonly #sql: postgres.Sql;
  readonly #limits: Limits;
  readonly #log: (line: string) => void;
  readonly #subscriptions = new Set<ChangeSubscription>();
  #pending: WalChange[] = [];
  #dropped = 0;
  #draining: Promise<void> | null = null;

  constructor(sql: postgres.Sql, limits: Limits, log: (line: string) => void) {
    this.#sql = sql;
    this.#limits = limits;
    this.#log = log;
  }

  add(subscription: ChangeSubscription): void {
    this.#subscriptions.add(subscription);
  }

  remove(subscription: ChangeSubscription): void {
    this.#subscriptions.delete(subscription);
  }

  /** Why the interest cannot be served, or null when it can. */
  async check(interest: ChangeInterest, caller: Identity): Promise<InterestProblem | null> {
    const { event, schema, table, filters, select } = interest;
    const shown = `[event: ${event}, schema: ${schema}, table: ${table}, filters: ${
      JSON.stringify(filters)
    }]`;
    const failure = "Unable to subscribe to changes with given parameters. ";
    try {
      const [row] = await this.#sql<{ is_published: boolean }[]>`
        select realtime_server.check_subscription(
          ${schema}, ${table}, ${caller.role}, ${JSON.stringify(filters)}::text::jsonb,
          ${select === null ? null : [...select]}::text[]) as is_published`;
      if (row?.is_published) return null;
      const text = `${failure}Please check Realtime is enabled for the given connect parameters: ${shown}`;
      return { text, isFinal: false };
    } catch (error) {
      const text = `${failure}An exception happened so please check your connect parameters: ${shown}. ` +
        `Exception: ${(error as Error).message}`;
      return { text, isFinal: true };
    }
  }

  /** Takes a change from the log. */
  offer(change: WalChange): void {
    if (!this.#hasListener(change)) return;
    if (this.#pending.length >= this.#limits.pendingChanges) {
      if (this.#dropped++ === 0) {
        this.#log("realtime: too many row changes wait for their verdict; dropping some");
      }
      return;
    }
    this.#pending.push(change);
    this.#draining ??= this.#drain().finally(() => this.#draining = null);
  }

  /** Waits until everything offered so far is delivered. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, this.#limits.changesPerBatch);
      try {
        await this.#route(batch);
      } catch (error) {
        this.#log(`realtime: ${batch.length} row changes were not delivered: ${(error as Error).message}`);
      }
    }
    if (this.#dropped > 0) this.#log(`realtime: ${this.#dropped} row changes were dropped`);
    this.#dropped = 0;
  }

  /**
   * The log shows a commit a moment before other sessions do: its transaction leaves the list of running ones after
   * the flush. It holds the lock on its own id until then, so the question waits for that lock to go.
   */
  async #visible(batch: readonly WalChange[]): Promise<void> {
    const ids = [...new Set(batch.map(({ transaction }) => String(transaction)))];
    for (let look = 0; look < MAX_VISIBILITY_LOOKS; look++) {
      const [row] = await this.#sql<{ running: boolean }[]>`
        select exists (
          select from pg_catalog.pg_locks
          where locktype = 'transactionid' and transactionid::text = any (${ids}::text[])) as running`;
      if (!row?.running) return;
    }
  }

  async #route(batch: readonly WalChange[]): Promise<void> {
    await this.#visible(batch);
    const groups = batch.map((change) => this.#listenersOf(change));
    const questions = batch.map((change, index) => question(change, [...groups[index]!.keys()]));
    const answers = await this.#sql<{ change: number; listener: number; data: string }[]>`
      select (asked.place - 1)::integer as change, answer.listener, answer.data
      from jsonb_array_elements(${`[${
      questions.join(",")
    }]`}::text::jsonb) with ordinality as asked (change, place),
        realtime_server.route_change(asked.change) as answer
      order by asked.place, answer.listener`;
    for (const { change, listener, data } of answers) {
      const recipients = [...groups[change]!.values()][listener]!;
      for (const [subscription, ids] of recipients) {
        if (this.#subscriptions.has(subscription)) {
          subscription.deliver(`{"ids":${JSON.stringify(ids)},"data":${data}}`);
        }
      }
    }
  }

  #hasListener(change: WalChange): boolean {
    for (const { interests } of this.#subscriptions) {
      if (interests.some(({ interest }) => covers(interest, change))) return true;
    }
    return false;
  }

  /** Recipients by what the database must judge: equal callers with equal conditions are judged once. */
  #listenersOf(change: WalChange): Map<string, Map<ChangeSubscription, number[]>> {
    const groups = new Map<string, Map<ChangeSubscription, number[]>>();
    for (const subscription of this.#subscriptions) {
      for (const { id, interest } of subscription.interests) {
        if (!covers(interest, change)) continue;
        const key = listener(subscription.identity, interest);
        const recipients = groups.get(key) ?? new Map<ChangeSubscription, number[]>();
        groups.set(key, recipients.set(subscription, [...recipients.get(subscription) ?? [], id]));
      }
    }
    return groups;
  }
}

function covers({ event, schema, table }: ChangeInterest, { type, relation }: WalChange): boolean {
  return (event === "*" || event === type) && (schema === "*" || schema === relation.schema) &&
    (table === "*" || table === relation.table);
}

/** A listener as realtime_server.route_change reads it. */
function listener({ role, claims }: Identity, { filters, select }: ChangeInterest): string {
  return `{"role":${JSON.stringify(role)},"claims":${claims},"filters":${JSON.stringify(filters)},` +
    `"select":${JSON.stringify(select)}}`;
}

/** A change as realtime_server.route_change reads it. */
function question(
  { type, relation, committedAt, record, old }: WalChange,
  listeners: readonly string[],
): string {
  const change = {
    relation: relation.oid,
    schema: relation.schema,
    table: relation.table,
    type,
    commit_timestamp: new Date(committedAt).toISOString(),
    columns: relation.columns.map(({ name, type }) => ({ name, type })),
    record,
    old,
  };
  return `${JSON.stringify(change).slice(0, -1)},"listeners":[${listeners.join(",")}]}`;
}
