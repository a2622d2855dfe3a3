/** An operator with a token: stops everyone, measures it, and proves from the audit that nothing left afterwards. */
import postgres from "postgres";
import { hireUser } from "./desk.ts";
import type { ThrowawayStack } from "./throwaway_stack.ts";

/** One stop, by the times of the call and of its row. */
export interface Stopped {
  readonly stopId: string;
  /** From the call until another session heard that the halt has committed. */
  readonly haltedMs: number;
  /** From the call to its answer, which shares the processors with the work that the commit has set off. */
  readonly answeredMs: number;
  readonly settledMs: number;
  /** From the call to the last close. */
  readonly flattenedMs: number;
  /** Entries that got a permit after the halt's commit. */
  readonly permitsAfter: number;
}

const REASON = "an operator stops everyone";
/** More at once than the Data API has connections. */
const REHEARSALS = 20;
const DONE_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Who may stop everyone, with a token and the function's address, and an ear at the database for the commit. */
export class Operator {
  #heard: (at: number) => void = () => {};

  private constructor(
    private readonly stack: ThrowawayStack,
    private readonly direct: postgres.Sql,
    private readonly userId: string,
    private readonly headers: Record<string, string>,
  ) {}

  /** Makes a user an operator, as the database owner would. End with `leave`. */
  static async appoint(stack: ThrowawayStack): Promise<Operator> {
    const user = await hireUser(stack.sql, "operator@example.com");
    await stack.sql`insert into trading.operators (user_id, note) values (${user.id}, 'of this run')`;
    const { data } = await (await stack.signIn(user.email, user.password)).auth.getSession();
    const headers = {
      apikey: stack.publishableKey,
      authorization: `Bearer ${data.session!.access_token}`,
    };
    await stack.gateway.functions?.prewarm(["stop-all"]);
    const direct = postgres(stack.database.url, { max: 2, onnotice: () => {} });
    const appointed = new Operator(stack, direct, user.id, headers);
    await appointed.#rehearse();
    await appointed.#listen();
    return appointed;
  }

  /**
   * Stops nobody but the operator, by many calls at once: every connection of the Data API compiles the commands once, and
   * what is measured later is the stop, not that.
   */
  async #rehearse(): Promise<void> {
    await Promise.all(Array.from({ length: REHEARSALS }, () => this.#post("user")));
    await this.direct`select public.resume_trading('user', ${this.userId}, 'the rehearsal is over')`;
  }

  /** A notification is delivered when its transaction has committed, and not before. */
  async #listen(): Promise<void> {
    await this.direct.begin(async (tx) => {
      await tx`set local role fillbase_engine`;
      await tx.unsafe(`
        create function trading.tg_stop_heard() returns trigger language plpgsql as
          $$ begin perform pg_notify('stop_heard', ''); return null; end $$;
        create trigger stop_requests_heard after insert on trading.stop_requests
          for each row execute function trading.tg_stop_heard()`);
    });
    await this.direct.listen("stop_heard", () => this.#heard(performance.now()));
  }

  /** Stops everyone and closes everything through the function; resolves when the last position is closed. */
  call(): Promise<Stopped> {
    return this.#stop(() => this.#post("everyone"));
  }

  async #post(scope: string): Promise<string> {
    const response = await fetch(`${this.stack.url}/functions/v1/stop-all`, {
      method: "POST",
      headers: this.headers,
      body: JSON.stringify({ scope, mode: "halt_and_flatten", reason: REASON }),
    });
    const answer = await response.json();
    if (response.status === 202) return answer.stop_id;
    throw new Error(`stop-all answered ${response.status}: ${JSON.stringify(answer)}`);
  }

  /** The same by the database's command, as where no function can be reached. */
  command(): Promise<Stopped> {
    return this.#stop(async () => {
      const [row] = await this.direct`
        select public.stop_trading('everyone', null, 'halt_and_flatten', ${REASON}) ->> 'stop_id' as id`;
      return row!["id"];
    });
  }

  async #stop(give: () => Promise<string>): Promise<Stopped> {
    const committed = new Promise<number>((resolve) => this.#heard = resolve);
    const calledAt = Date.now();
    const startedAt = performance.now();
    const stopId = await give();
    const answeredMs = performance.now() - startedAt;
    const haltedMs = await committed - startedAt;
    return { stopId, haltedMs, answeredMs, ...await this.#outcome(stopId, calledAt) };
  }

  /** Takes everyone back to active. */
  async resume(): Promise<void> {
    await this.direct`select public.resume_trading('everyone', p_reason => 'it is over')`;
  }

  async leave(): Promise<void> {
    await this.direct.end({ timeout: 2 });
  }

  async #outcome(
    stopId: string,
    calledAt: number,
  ): Promise<Pick<Stopped, "settledMs" | "flattenedMs" | "permitsAfter">> {
    const until = performance.now() + DONE_TIMEOUT_MS;
    for (;;) {
      const [row] = await this.direct<{ halted: number; settled: number; flattened: number }[]>`
        select extract(epoch from halted_at)::float8 * 1000 as halted, extract(epoch from settled_at)::float8 * 1000 as settled,
          extract(epoch from flattened_at)::float8 * 1000 as flattened
        from trading.stop_requests where id = ${stopId} and flattened_at is not null`;
      if (row) {
        const { halted, settled, flattened } = row;
        const permitsAfter = await permitsAfterHalt(this.direct, stopId);
        return { settledMs: settled - halted, flattenedMs: flattened - calledAt, permitsAfter };
      }
      if (performance.now() > until) {
        throw new Error(`a stop was not done within ${DONE_TIMEOUT_MS} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/**
 * A permit's audit row is written while the gates are held shared, the stop's while one is held exclusively: so a permit
 * that came after the halt's commit, and only such a one, has the larger number.
 */
async function permitsAfterHalt(sql: postgres.Sql, stopId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from public.audit_log a
    where a.action = 'order_submitting' and a.detail ->> 'role' = 'entry' and a.id > (
      select s.id from public.audit_log s where s.subject_id = ${stopId} and s.action = 'stop_requested')`;
  return row!.n;
}
