/** Ringing the next invocation of the worker. */
import type { FunctionEnvironment } from "../contracts/environment.ts";
import type { Log } from "../ports/log.ts";

/** The door answers before it works. */
const RING_DEADLINE_MS = 5_000;

/** Rings `execute-trade` directly, past the database's HTTP client and its nap; the successor runs where we do. */
export async function ringSuccessor(
  environment: FunctionEnvironment,
  token: string,
  log: Log,
): Promise<void> {
  const response = await fetch(`${environment.url}/functions/v1/execute-trade`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-fillbase-bell": token,
      ...environment.region !== undefined && { "x-region": environment.region },
    },
    body: JSON.stringify({ handover: true }),
    signal: AbortSignal.timeout(RING_DEADLINE_MS),
  });
  await response.body?.cancel();
  if (response.status !== 202) log("warning", "successor_refused", { status: response.status });
}
