/** The engine's commands over the Data API, with the secret key of the function's environment. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { ZodType } from "zod";
import { claimAnswer, executeAnswer } from "../contracts/engine.ts";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import { answerRow } from "../contracts/venue.ts";
import type { Claim, Job, JobOutcome } from "../domain/job.ts";
import type { VenueAnswer } from "../domain/venue.ts";
import { type Engine, EngineError, NO_ANSWER } from "../ports/engine.ts";

/** A command that has no answer after this long is taken for lost; longer than the API's own statement timeout. */
export const CALL_DEADLINE_MS = 10_000;

type Client = SupabaseClient<never, "trading">;

/** Connects to the schema `trading` of the project as its service role. */
export function connectTrading(environment: FunctionEnvironment): Client {
  const key = environment.secretKeys["default"] ?? Object.values(environment.secretKeys)[0];
  if (!key) throw new Error("SUPABASE_SECRET_KEYS holds no key");
  return createClient(environment.url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    db: { schema: "trading" },
  }) as unknown as Client;
}

/** Calls a command and parses its answer. Throws `EngineError`. */
export async function call<T>(client: Client, name: string, args: object, answer: ZodType<T>): Promise<T> {
  const { data, error, status } = await client.rpc(name as never, args as never)
    .abortSignal(AbortSignal.timeout(CALL_DEADLINE_MS));
  if (error) throw engineErrorOf(error, status);
  return answer.parse(data);
}

/** A failure as the Data API reports it. */
export interface ApiFailure {
  readonly code?: string;
  readonly message: string;
  readonly details?: string | null;
  readonly hint?: string | null;
}

/** Our own messages start with their stable code; everything else is known by its SQLSTATE. */
export function engineErrorOf(error: ApiFailure, status: number): EngineError {
  const sqlstate = error.code || NO_ANSWER;
  const isOurs = sqlstate.startsWith("FB");
  const code = isOurs ? error.message.split(":", 1)[0] ?? sqlstate : sqlstate;
  const unanswered = status === 0 || (!error.code && status >= 500);
  return new EngineError(unanswered ? NO_ANSWER : sqlstate, code, error.message, error.details, error.hint);
}

/** The engine of one installation, over the Data API. */
export class EngineRpc implements Engine {
  readonly #client: Client;

  constructor(private readonly environment: FunctionEnvironment) {
    this.#client = connectTrading(environment);
  }

  claim(worker: string, limit: number, bell?: string): Promise<Claim> {
    const { url, installationSecret } = this.environment;
    const args = {
      p_worker: worker,
      p_limit: limit,
      p_url: url,
      p_secret: installationSecret,
      p_bell: bell ?? null,
    };
    return call(this.#client, "claim_jobs", args, claimAnswer);
  }

  execute(job: Job, nextFor: string | null): Promise<JobOutcome> {
    const args = { p_job_id: job.id, p_fence: job.fence, p_next_for: nextFor };
    return call(this.#client, "execute_job", args, executeAnswer);
  }

  answer(job: Job, callId: number, answer: VenueAnswer, nextFor: string | null): Promise<JobOutcome> {
    const args = {
      p_job_id: job.id,
      p_fence: job.fence,
      p_call_id: callId,
      p_answer: answerRow(answer),
      p_next_for: nextFor,
      p_may_ask: nextFor !== null,
    };
    return call(this.#client, "answer_call", args, executeAnswer);
  }

  async fail(job: Job, error: EngineError): Promise<void> {
    const { error: refused, status } = await this.#client.rpc("fail_job" as never, {
      p_job_id: job.id,
      p_fence: job.fence,
      p_sqlstate: error.sqlstate,
      p_message: error.message,
      p_detail: error.detail,
    } as never).abortSignal(AbortSignal.timeout(CALL_DEADLINE_MS));
    if (refused) throw engineErrorOf(refused, status);
  }

  async bellToken(): Promise<string> {
    const { data, error, status } = await this.#client.rpc("bell_token" as never)
      .abortSignal(AbortSignal.timeout(CALL_DEADLINE_MS));
    if (error) throw engineErrorOf(error, status);
    return data as string;
  }
}
