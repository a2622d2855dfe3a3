/** The doorbell's request and its answers. */
import { z } from "zod";
import { EngineError, NO_ANSWER } from "../ports/engine.ts";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import { readJson, RequestError } from "./http_body.ts";

/** A bell's body is two words; more is somebody else's. */
const MAX_BODY_BYTES = 4_096;

const body = z.object({ handover: z.boolean().optional() });

/** What a bell says. */
export interface Bell {
  readonly token: string | undefined;
  /** True when a predecessor rang because its budget was used. */
  readonly isHandover: boolean;
}

/** Reads and checks the request. Throws `RequestError`. */
export async function readBell(request: Request): Promise<Bell> {
  if (request.method !== "POST") throw new RequestError(405, "method_not_allowed", "ring with POST");
  const parsed = body.safeParse(await readJson(request, MAX_BODY_BYTES));
  if (!parsed.success) {
    throw new RequestError(400, "body_invalid", "the body is not a doorbell's JSON object");
  }
  return {
    token: request.headers.get("x-fillbase-bell") ?? undefined,
    isHandover: parsed.data.handover ?? false,
  };
}

/** Whether the caller holds one of the project's secret keys. */
export function isSecretKey(request: Request, environment: FunctionEnvironment): boolean {
  const key = request.headers.get("apikey");
  return key !== null && Object.values(environment.secretKeys).some((known) => isEqualText(known, key));
}

/** Compares in a time that does not depend on where two texts of one length differ. */
function isEqualText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i);
  return difference === 0;
}

const STATUS_OF_CLASS: Readonly<Record<string, number>> = {
  FB400: 400,
  FB401: 401,
  FB403: 403,
  FB404: 404,
  FB409: 409,
  FB423: 423,
  [NO_ANSWER]: 503,
};

/** The HTTP answer for a refusal: a stable code and words, and nothing of what went on inside. */
export function answerError(error: unknown): Response {
  if (error instanceof RequestError) {
    return Response.json({ code: error.code, message: error.message }, { status: error.status });
  }
  if (error instanceof EngineError && STATUS_OF_CLASS[error.sqlstate]) {
    const { code, message, hint } = error;
    return Response.json({ code, message, hint }, { status: STATUS_OF_CLASS[error.sqlstate] });
  }
  return Response.json({
    code: "internal_error",
    message: "the request could not be served; the log says why",
  }, {
    status: 500,
  });
}
