/** The request of a stop, the credential it comes with, and answers that a browser may read. */
import { corsHeaders } from "@supabase/supabase-js/cors";
import { stopBody, stopId } from "../contracts/stop.ts";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import type { StopWish } from "../domain/stop.ts";
import { isSecretKey } from "./bell_http.ts";
import { readJson, RequestError } from "./http_body.ts";
import type { Caller } from "./stop_rpc.ts";

/** A stop is five words and a reason. */
const MAX_BODY_BYTES = 8_192;

/**
 * Frontends on any origin may call: what counts is the token, and no cookie is ever read. What supabase-js sends is its
 * own list, which grows with it; `x-region`, with which a caller says where the function is to run, is not in it.
 */
const CORS: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": `${corsHeaders["Access-Control-Allow-Headers"]}, x-region`,
};

/** What the request asks for: to stop, or how far a stop got. */
export type StopQuestion =
  | { readonly kind: "stop"; readonly wish: StopWish }
  | { readonly kind: "progress"; readonly stopId: string };

/** Reads a POST with a stop's body, or a GET with `?id=`. Throws `RequestError`. */
export async function readQuestion(request: Request): Promise<StopQuestion> {
  if (request.method === "GET") {
    const id = stopId.safeParse(new URL(request.url).searchParams.get("id"));
    if (!id.success) throw new RequestError(400, "id_invalid", "ask with ?id=<the stop's id>");
    return { kind: "progress", stopId: id.data };
  }
  if (request.method !== "POST") {
    throw new RequestError(405, "method_not_allowed", "stop with POST, ask how far it got with GET");
  }
  const parsed = stopBody.safeParse(await readJson(request, MAX_BODY_BYTES));
  if (!parsed.success) {
    const fields = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
    throw new RequestError(400, "body_invalid", fields.join("; "));
  }
  return { kind: "stop", wish: parsed.data };
}

/** Who calls: a person by their token, or a backend by a secret key. Throws `RequestError` for anybody else. */
export function readCaller(request: Request, environment: FunctionEnvironment): Caller {
  const apikey = request.headers.get("apikey");
  const token = /^Bearer\s+(\S+\.\S+\.\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  const key = apikey ?? Object.values(environment.publishableKeys ?? {})[0];
  if (key !== undefined && (token !== undefined || isSecretKey(request, environment))) return { key, token };
  throw new RequestError(401, "credential_missing", "a stop needs the token of the person who gives it");
}

/** The answer to a browser's question whether it may ask. */
export function answerPreflight(): Response {
  return new Response(null, { status: 204, headers: CORS });
}

/** The same answer, readable for a page of any origin. */
export function readable(response: Response): Response {
  for (const [name, value] of Object.entries(CORS)) response.headers.set(name, value);
  return response;
}
