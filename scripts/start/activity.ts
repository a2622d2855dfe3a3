/** What happens, read from the audit log: every decision, refusal and change of a position is a row there. */
import type { Sql } from "postgres";

/** Something that happened, in the order it was recorded. */
export interface Activity {
  readonly at: Date;
  readonly kind: "decision" | "entered" | "refused" | "ignored" | "opened" | "closed" | "failed";
  /** A signal for the first four kinds, a position for the others. */
  readonly subjectId: string;
  readonly trader: string | null;
  readonly symbol: string | null;
  /** The AI's word, the code of a refusal, or why a position ended. */
  readonly code: string | null;
  readonly message: string | null;
  /** Of a decision: 0 to 100. */
  readonly confidence: string | null;
  /** Of a closed position: USDT. */
  readonly realizedPnl: string | null;
}

const KIND_OF: Readonly<Record<string, Activity["kind"]>> = {
  decision_recorded: "decision",
  signal_in_position: "entered",
  signal_rejected: "refused",
  decision_ignored: "ignored",
  position_open: "opened",
  position_closed: "closed",
  position_failed: "failed",
};

/**
 * Ids are drawn before a transaction commits, so a row may appear below ones already read. Rows this far back are
 * looked at again; what is further back than this many rows was committed long ago.
 */
const LOOK_BACK_ROWS = 500n;

interface AuditRow {
  readonly id: string;
  readonly recorded_at: Date;
  readonly action: string;
  readonly subject_id: string;
  readonly trader: string | null;
  readonly symbol: string | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly confidence: string | null;
  readonly realized_pnl: string | null;
}

/** Follows the audit log from the first call on. */
export class ActivityTail {
  #first: bigint | null = null;
  #newest = 0n;
  readonly #seen = new Set<bigint>();

  constructor(private readonly sql: Sql) {}

  /** What is new since the last call; nothing at the first. */
  async read(): Promise<Activity[]> {
    const rows = await this.#rows();
    const fresh = rows.filter(({ id }) => !this.#seen.has(BigInt(id)));
    for (const { id } of fresh) this.#remember(BigInt(id));
    return fresh.map(activityOf);
  }

  async #rows(): Promise<AuditRow[]> {
    this.#first ??= this.#newest = await this.#lastId();
    const lookedBack = this.#newest - LOOK_BACK_ROWS;
    const from = lookedBack > this.#first ? lookedBack : this.#first;
    return await this.sql<AuditRow[]>`
      select a.id::text, a.recorded_at, a.action, a.subject_id, t.name as trader,
        coalesce(a.detail ->> 'symbol', s.symbol) as symbol,
        coalesce(a.detail ->> 'decision', a.detail ->> 'code', a.detail ->> 'exit_reason', a.detail ->> 'failure_code')
          as code,
        a.detail ->> 'reason' as message, trim_scale((a.detail ->> 'confidence')::numeric)::text as confidence, a.detail ->> 'realized_pnl' as realized_pnl
      from public.audit_log a
      left join public.traders t on t.id = a.trader_id
      left join public.signals s on a.subject_type = 'signal' and s.id = a.subject_id::uuid
      where a.id > ${from.toString()} and a.action = any (${Object.keys(KIND_OF)})
      order by a.id`;
  }

  async #lastId(): Promise<bigint> {
    const [row] = await this.sql<
      { id: string }[]
    >`select coalesce(max(id), 0)::text as id from public.audit_log`;
    return BigInt(row!.id);
  }

  /** Keeps the ids that a later call may meet again. */
  #remember(id: bigint): void {
    this.#seen.add(id);
    if (id > this.#newest) this.#newest = id;
    if (this.#seen.size <= 2n * LOOK_BACK_ROWS) return;
    for (const known of this.#seen) if (known <= this.#newest - LOOK_BACK_ROWS) this.#seen.delete(known);
  }
}

function activityOf(row: AuditRow): Activity {
  return {
    at: row.recorded_at,
    kind: KIND_OF[row.action]!,
    subjectId: row.subject_id,
    trader: row.trader,
    symbol: row.symbol,
    code: row.code,
    message: row.message,
    confidence: row.confidence,
    realizedPnl: row.realized_pnl,
  };
}
