/**
 * The emergency stop's door. The halt is one command of the database, given in the caller's own name; when it has been
 * answered no entry gets a permit any more. What follows from it is first in the queue, and this invocation starts on it
 * at once, after it has answered. Without this function the command, the doorbell and the sweep do the same.
 */
import { answerError } from "../_shared/adapters/bell_http.ts";
import { exchangeOf } from "../_shared/adapters/exchange.ts";
import { EngineRpc } from "../_shared/adapters/engine_rpc.ts";
import { RequestError } from "../_shared/adapters/http_body.ts";
import { consoleLog } from "../_shared/adapters/log_console.ts";
import { ringSuccessor } from "../_shared/adapters/ring_http.ts";
import { answerPreflight, readable, readCaller, readQuestion } from "../_shared/adapters/stop_http.ts";
import { StopRpc } from "../_shared/adapters/stop_rpc.ts";
import { wakeupsOf } from "../_shared/adapters/wakeups_postgres.ts";
import { drainNow } from "../_shared/app/drain_now.ts";
import { type FunctionEnvironment, parseEnvironment } from "../_shared/contracts/environment.ts";

declare const EdgeRuntime: { waitUntil<T>(work: Promise<T>): Promise<T> };

const log = consoleLog("stop-all");

async function handle(request: Request): Promise<Response> {
  if (request.method === "OPTIONS") return answerPreflight();
  const startedAt = performance.now();
  try {
    const environment = parseEnvironment(Deno.env.toObject());
    const question = await readQuestion(request);
    const stops = new StopRpc(environment.url, readCaller(request, environment));
    if (question.kind === "progress") {
      const progress = await stops.progress(question.stopId);
      if (progress === null) throw new RequestError(404, "stop_not_found", "there is no such stop");
      return readable(Response.json(progress));
    }
    const stop = await stops.stop(question.wish);
    EdgeRuntime.waitUntil(carryOut(environment, startedAt));
    return readable(Response.json(stop, { status: 202 }));
  } catch (error) {
    log("warning", "stop_refused", { message: String(error) });
    return readable(answerError(error));
  }
}

/** Works the queue off, the stop's jobs first. A failure costs time, not the stop: the sweep finds what is left. */
async function carryOut(environment: FunctionEnvironment, startedAt: number): Promise<void> {
  const engine = new EngineRpc(environment);
  const worker = {
    name: crypto.randomUUID(),
    engine,
    log,
    elapsedMs: () => performance.now() - startedAt,
    exchange: exchangeOf(environment),
  };
  try {
    await drainNow({
      worker,
      wakeups: wakeupsOf(environment.databaseUrl),
      ringSuccessor: async () => await ringSuccessor(environment, await engine.bellToken(), log),
      isSuccessor: false,
    });
  } catch (error) {
    log("error", "stop_left_to_sweep", { worker: worker.name, message: String(error) });
  }
}

export default { fetch: handle };
