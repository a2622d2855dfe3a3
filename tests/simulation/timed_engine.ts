/** The engine's commands in virtual time, and the leases that run out in it. */
import type { Sql } from "postgres";
import type { ManualClock } from "../../simulator/core/clock.ts";
import type { Claim, Job, JobOutcome } from "../../supabase/functions/_shared/domain/job.ts";
import type { VenueAnswer } from "../../supabase/functions/_shared/domain/venue.ts";
import { SqlEngine } from "../harness/sql_engine.ts";

/** `trading.settings.lease_ms`. */
const LEASE_MS = 30_000;

/** The engine by one connection, told the time before each command that needs it. */
export class TimedEngine extends SqlEngine {
  /** Commands so far that may have changed orders, fills or positions. */
  changes = 0;
  #toldAt = -1;
  /** Until when each job under way is its worker's. */
  readonly #leases = new Map<number, number>();

  constructor(sql: Sql, private readonly clock: ManualClock) {
    super(sql);
  }

  /** Sent ahead of the next command over the same connection, without waiting for its answer. */
  tellTime(): void {
    const now = this.clock.now();
    if (now === this.#toldAt) return;
    this.#toldAt = now;
    void this.sql`select trading.set_clock(${new Date(now)})`.execute();
  }

  /** What changes nothing that the invariants are about is not counted. */
  override ask(query: PromiseLike<readonly Record<string, unknown>[]>): Promise<unknown> {
    this.tellTime();
    this.changes++;
    return super.ask(query as never);
  }

  override async claim(worker: string, limit: number): Promise<Claim> {
    const claim = await super.claim(worker, limit);
    this.changes--;
    for (const job of claim.jobs) this.#lease(job);
    return claim;
  }

  override async execute(job: Job, nextFor: string | null): Promise<JobOutcome> {
    return this.#follow(job, await super.execute(job, nextFor));
  }

  override async answer(
    job: Job,
    id: number,
    answer: VenueAnswer,
    nextFor: string | null,
  ): Promise<JobOutcome> {
    return this.#follow(job, await super.answer(job, id, answer, nextFor));
  }

  #lease(job: Job): void {
    this.#leases.set(job.id, this.clock.now() + LEASE_MS);
  }

  #follow(job: Job, outcome: JobOutcome): JobOutcome {
    if (outcome.call) this.#lease(job);
    else this.#leases.delete(job.id);
    if (outcome.next) this.#lease(outcome.next);
    return outcome;
  }

  /** Leases are measured by the machine's clock; here those end whose virtual time is over. */
  async expireLeases(): Promise<void> {
    const over = [...this.#leases].filter(([, until]) => until <= this.clock.now()).map(([id]) => id);
    if (over.length === 0) return;
    for (const id of over) this.#leases.delete(id);
    await this
      .sql`update trading.jobs set lease_until = 'epoch' where id = any (${over}) and status = 'running'`;
  }
}
