/** The doorbell's request and its answers. */
import { z } from "zod";
import { EngineError, NO_ANSWER } from "../ports/engine.ts";
import type { FunctionEnvironment } from "../contracts/environment.ts";

/** A bell's body is two words; more is somebody else's. */
const MAX_BODY_BYTES = 4_096;

const body = z.object({ handover: z.boolean().optional() });

/** What a bell says. */
export interface Bell {
  readonly token: string | undefined;
  /** True when a predecessor rang because its budget was used. */
  readonly isHandover: boolean;
}

/** A request that cannot be a bell. */
export class BellError extends Error {
  constructor(readonly status: 400 | 401 | 405 | 413, readonly code: string, message: string) {
    super(message);
  }
}

/** Reads and checks the request. Throws `BellError`. */
export async function readBell(request: Request): Promise<Bell> {
  if (request.method !== "POST") throw new BellError(405, "method_not_allowed", "ring with POST");
  const text = await readLimited(request);
  const parsed = body.safeParse(text.trim() === "" ? {} : parseJson(text));
  if (!parsed.success) throw new BellError(400, "body_invalid", "the body is not a doorbell's JSON object");
  return {
    token: request.headers.get("x-fillbase-bell") ?? undefined,
    isHandover: parsed.data.handover ?? false,
  };
}

async function readLimited(request: Request): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > MAX_BODY_BYTES) {
      throw new BellError(413, "body_too_large", `a bell's body has at most ${MAX_BODY_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
  if (error instanceof BellError) {
    return Response.json({ code: error.code, message: error.message }, { status: error.status });
  }
  if (error instanceof EngineError && STATUS_OF_CLASS[error.sqlstate]) {
    const { code, message, hint } = error;
    return Response.json({ code, message, hint }, { status: STATUS_OF_CLASS[error.sqlstate] });
  }
  return Response.json({ code: "internal_error", message: "the worker could not start; its log says why" }, {
    status: 500,
  });
}
