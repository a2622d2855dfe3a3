/** The engine's commands over a database connection, with the contracts that the function's adapter parses them by. */
import postgres, { type Sql } from "postgres";
import { claimAnswer, executeAnswer } from "../../supabase/functions/_shared/contracts/engine.ts";
import { answerRow, openedKey } from "../../supabase/functions/_shared/contracts/venue.ts";
import type { Claim, Job, JobOutcome } from "../../supabase/functions/_shared/domain/job.ts";
import type { OpenedKey, VenueAnswer } from "../../supabase/functions/_shared/domain/venue.ts";
import { type Engine, EngineError } from "../../supabase/functions/_shared/ports/engine.ts";
import type { Secrets } from "../../supabase/functions/_shared/ports/secrets.ts";

/** An engine of one installation; it is armed for `url` and `secret`. */
export class SqlEngine implements Engine {
  readonly url = "http://floor.test";
  readonly secret = "a secret that arms the floor's engine";
  /** Commands that have not answered yet. */
  underWay = 0;

  constructor(readonly sql: Sql) {}

  async claim(worker: string, limit: number): Promise<Claim> {
    return claimAnswer.parse(
      await this.ask(this.sql`
        select trading.claim_jobs(${worker}, ${limit}, ${this.url}, ${this.secret}) as answer`),
    );
  }

  async execute(job: Job, nextFor: string | null): Promise<JobOutcome> {
    return executeAnswer.parse(
      await this.ask(this.sql`select trading.execute_job(${job.id}, ${job.fence}, ${nextFor}) as answer`),
    );
  }

  async answer(job: Job, callId: number, answer: VenueAnswer, nextFor: string | null): Promise<JobOutcome> {
    const row = this.sql.json(answerRow(answer) as never);
    return executeAnswer.parse(
      await this.ask(this.sql`
        select trading.answer_call(${job.id}, ${job.fence}, ${callId}, ${row}, ${nextFor}, ${
        nextFor !== null
      }) as answer`),
    );
  }

  async fail(job: Job, error: EngineError): Promise<void> {
    await this.ask(this.sql`
      select to_jsonb(trading.fail_job(${job.id}, ${job.fence}, ${error.sqlstate}, ${error.message}, ${error.detail})) as answer`);
  }

  bellToken(): Promise<string> {
    return Promise.resolve("no bell");
  }

  async ask(query: PromiseLike<readonly postgres.Row[]>): Promise<unknown> {
    this.underWay++;
    try {
      const [row] = await query;
      return row!["answer"];
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      const code = error.code.startsWith("FB") ? error.message.split(":", 1)[0]! : error.code;
      throw new EngineError(error.code, code, error.message, error.detail ?? null, error.hint ?? null);
    } finally {
      this.underWay--;
    }
  }
}

/** Keys as the function's adapter opens them. */
export class SqlSecrets implements Secrets {
  constructor(readonly engine: SqlEngine) {}

  async open(callId: number): Promise<OpenedKey> {
    return openedKey.parse(
      await this.engine.ask(this.engine.sql`select trading.open_key(${callId}) as answer`),
    );
  }
}
