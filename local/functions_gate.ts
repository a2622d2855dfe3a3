/** What the functions' gateway answers itself: who may pass, and what went wrong, in the hosted codes. */
import { decodeProtectedHeader } from "jose";
import { bearerToken, isSecretInBrowser } from "./admission.ts";
import type { WorkerFault } from "./function_worker.ts";
import { type LocalKeys, roleOfApiKey } from "./keys.ts";
import type { TokenService } from "./tokens.ts";

/**
 * Refuses a request without a valid access token or API key; null lets it pass. A key proves only that the
 * caller knows the project, so a function that `verify_jwt` lets through must still check who calls.
 */
export async function refuseUnverified(
  request: Request,
  keys: LocalKeys,
  tokens: TokenService,
): Promise<Response | null> {
  const token = bearerToken(request.headers);
  if (token !== null) return await refuseToken(token, tokens);
  const sent = request.headers.get("authorization")?.replace(/^bearer\s+/i, "");
  const apiKey = request.headers.get("apikey") ?? sent;
  if (apiKey === undefined) {
    return gateError(401, "UNAUTHORIZED_NO_AUTH_HEADER", "Missing authorization header");
  }
  const role = roleOfApiKey(keys, apiKey);
  if (role === null) return gateError(401, "UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT");
  return isSecretInBrowser(request, role)
    ? gateError(401, "UNAUTHORIZED_INVALID_API_KEY_TYPE", "Forbidden use of secret API key in browser")
    : null;
}

async function refuseToken(token: string, tokens: TokenService): Promise<Response | null> {
  const algorithm = algorithmOf(token);
  if (algorithm === null) return gateError(401, "UNAUTHORIZED_INVALID_JWT_FORMAT", "Invalid JWT");
  if (algorithm !== "ES256") {
    const message = `Unsupported JWT algorithm ${algorithm}`;
    return gateError(401, "UNAUTHORIZED_UNSUPPORTED_TOKEN_ALGORITHM", message);
  }
  const claims = await tokens.verify(token);
  return claims === null ? gateError(401, "UNAUTHORIZED_ASYMMETRIC_JWT", "Invalid JWT") : null;
}

function algorithmOf(token: string): string | null {
  try {
    return decodeProtectedHeader(token).alg ?? null;
  } catch {
    return null;
  }
}

/** The answer in place of a worker's. */
export function workerFault(fault: WorkerFault, idleMs: number): Response {
  switch (fault) {
    case "boot":
      return gateError(503, "BOOT_ERROR", "Function failed to start (please check logs)");
    case "limit":
      return gateError(
        546,
        "WORKER_LIMIT",
        "Function failed due to not having enough compute resources (please check logs)",
      );
    case "idle":
      return gateError(504, "IDLE_TIMEOUT", `Request idle timeout limit (${idleMs / 1_000}s) reached`);
    case "crash":
    case "unreachable":
      return gateError(500, "WORKER_ERROR", "Function exited due to an error (please check logs)");
  }
}

export function unknownFunctionAnswer(): Response {
  return gateError(404, "NOT_FOUND", "Requested function was not found");
}

function gateError(status: number, code: string, message: string): Response {
  const headers = { "sb-error-code": code, "access-control-allow-origin": "*" };
  return Response.json({ code, message, msg: message }, { status, headers });
}
