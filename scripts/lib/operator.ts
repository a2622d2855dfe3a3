/** An operator with a token: stops everyone, measures it, and proves from the audit that nothing left afterwards. */
import { hireUser } from "./desk.ts";
import type { CallerSettings, StopOrder, StopTimes } from "./stop_caller.ts";
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

/** More than the Data API has connections: each compiles the commands once. */
const REHEARSALS = 20;
/** The command's session is one; after five executions PostgreSQL decides to keep a statement's plan. */
const COMMAND_REHEARSALS = 6;
const DONE_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Who may stop everyone, with a token and the function's address, and an ear at the database for the commit. */
export class Operator {
  private constructor(
    private readonly stack: ThrowawayStack,
    private readonly userId: string,
    private readonly caller: Worker,
  ) {}

  /** Makes a user an operator, as the database owner would. End with `leave`. */
  static async appoint(stack: ThrowawayStack): Promise<Operator> {
    const user = await hireUser(stack.sql, "operator@example.com");
    await stack.sql`insert into trading.operators (user_id, note) values (${user.id}, 'of this run')`;
    await announceStops(stack);
    const { data } = await (await stack.signIn(user.email, user.password)).auth.getSession();
    const caller = new Worker(new URL("./stop_caller.ts", import.meta.url), { type: "module" });
    const operator = new Operator(stack, user.id, caller);
    const headers = {
      apikey: stack.publishableKey,
      authorization: `Bearer ${data.session!.access_token}`,
    };
    await operator.#ask({ url: stack.url, databaseUrl: stack.database.url, headers });
    await operator.#rehearse(headers);
    return operator;
  }

  /** Stops everyone and closes everything through the function; resolves when the last position is closed. */
  call(): Promise<Stopped> {
    return this.#stop("function");
  }

  /** The same by the database's command, as where no function can be reached. */
  command(): Promise<Stopped> {
    return this.#stop("command");
  }

  /** The same on a session that is opened for it, as a person does who opens a client in an emergency. */
  coldCommand(): Promise<Stopped> {
    return this.#stop("cold_command");
  }

  /** Takes everyone back to active. */
  async resume(): Promise<void> {
    await this.stack.sql`select public.resume_trading('everyone', p_reason => 'it is over')`;
  }

  leave(): void {
    this.caller.terminate();
  }

  async #stop(way: StopOrder["way"]): Promise<Stopped> {
    const { stopId, calledAt, haltedMs, answeredMs } = await this.#give({ way, scope: "everyone" });
    return { stopId, haltedMs, answeredMs, ...await this.#outcome(stopId, calledAt) };
  }

  async #give(order: StopOrder): Promise<Exclude<StopTimes, { failure: string }>> {
    const times = await this.#ask(order);
    if (times === "ready") throw new Error("the caller answered out of turn");
    if ("failure" in times) throw new Error(times.failure);
    return times;
  }

  #ask(message: CallerSettings | StopOrder): Promise<StopTimes | "ready"> {
    return new Promise((resolve, reject) => {
      this.caller.onmessage = ({ data }) => resolve(data);
      this.caller.onerror = (event) => reject(new Error(event.message));
      this.caller.postMessage(message);
    });
  }

  /** Stops nobody but the operator, by many calls at once: what is measured later is the stop, not its compilation. */
  async #rehearse(headers: Record<string, string>): Promise<void> {
    const body = JSON.stringify({ scope: "user", mode: "halt_and_flatten", reason: "a rehearsal" });
    const url = `${this.stack.url}/functions/v1/stop-all`;
    await Promise.all(Array.from({ length: REHEARSALS }, async () => {
      const response = await fetch(url, { method: "POST", headers, body });
      if (response.status !== 202) throw new Error(`stop-all answered ${await response.text()}`);
      await response.body?.cancel();
    }));
    await this.#resumeOperator();
    for (let n = 0; n < COMMAND_REHEARSALS; n++) {
      await this.#give({ way: "command", scope: "user", id: this.userId });
      await this.#resumeOperator();
    }
  }

  async #resumeOperator(): Promise<void> {
    await this.stack.sql`select public.resume_trading('user', ${this.userId}, 'the rehearsal is over')`;
  }

  async #outcome(
    stopId: string,
    calledAt: number,
  ): Promise<Pick<Stopped, "settledMs" | "flattenedMs" | "permitsAfter">> {
    const until = performance.now() + DONE_TIMEOUT_MS;
    for (;;) {
      const [row] = await this.stack.sql<{ halted: number; settled: number; flattened: number }[]>`
        select extract(epoch from halted_at)::float8 * 1000 as halted, extract(epoch from settled_at)::float8 * 1000 as settled,
          extract(epoch from flattened_at)::float8 * 1000 as flattened
        from trading.stop_requests where id = ${stopId} and flattened_at is not null`;
      if (row) {
        const { halted, settled, flattened } = row;
        const permitsAfter = await permitsAfterHalt(this.stack, stopId);
        return { settledMs: settled - halted, flattenedMs: flattened - calledAt, permitsAfter };
      }
      if (performance.now() > until) {
        throw new Error(`a stop was not done within ${DONE_TIMEOUT_MS} ms`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
}

/** Lets the database tell a listener of every stop, for as long as this stack lives. */
async function announceStops({ sql }: ThrowawayStack): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`set local role fillbase_engine`;
    await tx.unsafe(`
      create function trading.tg_stop_heard() returns trigger language plpgsql as
        $$ begin perform pg_notify('stop_heard', ''); return null; end $$;
      create trigger stop_requests_heard after insert on trading.stop_requests
        for each row execute function trading.tg_stop_heard()`);
  });
}

/**
 * A stop's audit row is written while its gate is held exclusively. An entry confirms its permit under that gate after it
 * has written its own row: with a larger number it should have been refused.
 */
async function permitsAfterHalt({ sql }: ThrowawayStack, stopId: string): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select count(*)::int as n from public.audit_log a
    where a.action = 'order_submitting' and a.detail ->> 'role' = 'entry' and a.id > (
      select s.id from public.audit_log s where s.subject_id = ${stopId} and s.action = 'stop_requested')`;
  return row!.n;
}
