/**
 * The doorbell's door. It answers at once and works afterwards: a bell held open would stall every other request of
 * the database's HTTP client. The bell carries no key, only a signature that says "drain what is due".
 */
import { consoleLog } from "../_shared/adapters/log_console.ts";
import { exchangeOf } from "../_shared/adapters/exchange.ts";
import { EngineRpc } from "../_shared/adapters/engine_rpc.ts";
import { wakeupsOf } from "../_shared/adapters/wakeups_postgres.ts";
import { LANES } from "../_shared/app/drain_jobs.ts";
import { serveBell } from "../_shared/app/serve_bell.ts";
import { parseEnvironment } from "../_shared/contracts/environment.ts";
import { answerError, isSecretKey, readBell } from "../_shared/adapters/bell_http.ts";
import { ringSuccessor } from "../_shared/adapters/ring_http.ts";

declare const EdgeRuntime: { waitUntil<T>(work: Promise<T>): Promise<T> };

const log = consoleLog("execute-trade");

async function handle(request: Request): Promise<Response> {
  const startedAt = performance.now();
  try {
    const environment = parseEnvironment(Deno.env.toObject());
    const bell = await readBell(request);
    if (!bell.token && !isSecretKey(request, environment)) {
      return Response.json(
        { code: "credential_missing", message: "no doorbell signature and no secret key" },
        {
          status: 401,
        },
      );
    }
    const engine = new EngineRpc(environment);
    const worker = crypto.randomUUID();
    const claim = await engine.claim(worker, LANES, bell.token);
    EdgeRuntime.waitUntil(
      serveBell({
        worker: {
          name: worker,
          engine,
          log,
          elapsedMs: () => performance.now() - startedAt,
          exchange: exchangeOf(environment),
        },
        wakeups: wakeupsOf(environment.databaseUrl),
        ringSuccessor: async () => await ringSuccessor(environment, await engine.bellToken(), log),
        isSuccessor: bell.isHandover,
      }, claim).catch((error) => log("error", "invocation_failed", { worker, message: String(error) })),
    );
    return Response.json({ worker, claimed: claim.jobs.length }, { status: 202 });
  } catch (error) {
    log("warning", "bell_refused", { message: String(error) });
    return answerError(error);
  }
}

export default { fetch: handle };
