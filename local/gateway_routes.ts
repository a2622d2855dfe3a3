/** Which part of the project answers a request. */
import type { Sql } from "postgres";
import { type Admission, admit } from "./admission.ts";
import { type AuthUser, translateAuthAnswer } from "./auth_answers.ts";
import type { DataApi } from "./data_api.ts";
import type { FunctionsHost } from "./functions_host.ts";
import { withLongNumbersAsText } from "./exact_json.ts";
import { answerPreflight, bodyTooLarge, isPreflight, readBody, refuse, withCors } from "./http_edges.ts";
import type { LocalKeys } from "./keys.ts";
import type { RpcHandler } from "./rpc.ts";
import { invalidSchema, respondError } from "./rpc_answers.ts";
import type { Claims, TokenRefusal, TokenService } from "./tokens.ts";

/** Serves `/realtime/v1`. */
export interface RealtimeRoute {
  handle(request: Request): Response | Promise<Response>;
  stop(): Promise<void>;
}

/** The parts of the project that answer requests, and what their admission needs. */
export interface RouteParts {
  readonly keys: LocalKeys;
  readonly tokens: TokenService;
  readonly rpc: RpcHandler;
  readonly dataApi: DataApi;
  readonly functions: FunctionsHost | null;
  readonly realtime: RealtimeRoute | null;
  readonly sql: Sql;
  readonly schemas: readonly string[];
  readonly maxBodyBytes: number;
  readonly log: (line: string) => void;
}

type Body = Uint8Array<ArrayBuffer>;
type Route = (request: Request, url: URL, body: Body) => Promise<Response>;

const HEALTH_TIMEOUT_MS = 2_000;
const RPC_PREFIX = "/rest/v1/rpc/";
const JWKS_PATH = "/auth/v1/.well-known/jwks.json";
const READING_METHODS = ["GET", "HEAD"];

/** The handler of the port. */
export function createRoutes(parts: RouteParts): (request: Request) => Promise<Response> {
  const rest: Route = async (request, url, body) => withCors(await restRoute(parts, request, url, body));
  const auth: Route = async (request, url, body) => withCors(await authRoute(parts, request, url, body));
  return async (request) => {
    const url = new URL(request.url);
    const { pathname } = url;
    if (pathname.startsWith("/rest/v1/")) return await bounded(parts, rest, request, url);
    if (pathname.startsWith("/auth/v1/")) return await bounded(parts, auth, request, url);
    if (pathname.startsWith("/functions/v1/") && parts.functions) {
      return await parts.functions.handle(request);
    }
    if (pathname.startsWith("/realtime/v1") && parts.realtime) return await parts.realtime.handle(request);
    if (pathname === "/health") return await health(parts);
    return withCors(refuse(404, { message: "no Route matched with those values" }));
  };
}

/** Answers preflights and reads the body within its limit. */
async function bounded(parts: RouteParts, route: Route, request: Request, url: URL): Promise<Response> {
  if (isPreflight(request)) return answerPreflight(request);
  const body = await readBody(request, parts.maxBodyBytes);
  return body === null ? withCors(bodyTooLarge(parts.maxBodyBytes)) : await route(request, url, body);
}

async function restRoute(parts: RouteParts, request: Request, url: URL, body: Body): Promise<Response> {
  const admission = await admit(request, url, parts.keys, parts.tokens);
  if (admission.kind === "refused") return admission.response;
  if (admission.kind === "bad-token") return badRestToken(admission.refusal);
  if (url.pathname.startsWith(RPC_PREFIX)) {
    const profile = READING_METHODS.includes(request.method) ? "accept-profile" : "content-profile";
    const schema = request.headers.get(profile) ?? parts.schemas[0] ?? "public";
    if (!parts.schemas.includes(schema)) return respondError(invalidSchema(schema, parts.schemas));
    const answer = await parts.rpc.handle({
      name: decoded(url.pathname.slice(RPC_PREFIX.length)),
      schema,
      method: request.method,
      url,
      headers: request.headers,
      body: new TextDecoder().decode(body),
      caller: admission.caller,
    });
    if (answer !== null) return answer;
  }
  return await parts.dataApi.fetch(
    await innerRequest(parts.tokens, request, url, exactBody(request, body), admission),
  );
}

/** The table machinery reads JSON into doubles; what they would round reaches PostgreSQL as text instead. */
function exactBody(request: Request, body: Body): Body {
  const isJson = /^application\/(json|vnd\.pgrst\.\w+\+json)/i.test(
    request.headers.get("content-type") ?? "",
  );
  if (!isJson || body.byteLength === 0) return body;
  return new TextEncoder().encode(withLongNumbersAsText(new TextDecoder().decode(body)));
}

async function authRoute(parts: RouteParts, request: Request, url: URL, body: Body): Promise<Response> {
  if (url.pathname === JWKS_PATH) {
    return Response.json(parts.tokens.jwks, { headers: { "cache-control": "public, max-age=600" } });
  }
  if (!isJsonOrOther(request, body)) return badAuthBody();
  const admission = await admit(request, url, parts.keys, parts.tokens);
  if (admission.kind === "refused") return admission.response;
  if (admission.kind === "bad-token") return badAuthToken(admission.refusal);
  const response = await parts.dataApi.fetch(await innerRequest(parts.tokens, request, url, body, admission));
  return await translateAuthAnswer(
    { url },
    response,
    parts.tokens,
    (token) => lookUpUser(parts, url, token),
  );
}

async function lookUpUser(
  { dataApi, keys }: RouteParts,
  url: URL,
  innerToken: string,
): Promise<AuthUser | null> {
  const headers = { apikey: keys.publishable, authorization: `Bearer ${innerToken}` };
  const response = await dataApi.fetch(new Request(new URL("/auth/v1/user", url), { headers }));
  return response.ok ? await response.json() as AuthUser : null;
}

/** The request for the embedded Data API: the same, with the outer token exchanged. */
async function innerRequest(
  tokens: TokenService,
  request: Request,
  url: URL,
  body: Body,
  admission: Extract<Admission, { kind: "admitted" }>,
): Promise<Request> {
  const headers = new Headers(request.headers);
  const apiKey = headers.get("apikey") ?? url.searchParams.get("apikey") ?? "";
  headers.set("apikey", apiKey);
  if (admission.isUser) {
    headers.set("authorization", `Bearer ${await innerToken(tokens, admission.caller.claims)}`);
  } else headers.delete("authorization");
  const target = new URL(url);
  target.searchParams.delete("apikey");
  const hasBody = !READING_METHODS.includes(request.method) && body.byteLength > 0;
  return new Request(target, { method: request.method, headers, body: hasBody ? body : undefined });
}

const innerTokens = new WeakMap<Claims, Promise<string>>();

/** One inner token per verified outer token. */
function innerToken(tokens: TokenService, claims: Claims): Promise<string> {
  const known = innerTokens.get(claims) ?? tokens.toInner(claims);
  innerTokens.set(claims, known);
  return known;
}

/** A path segment as meant; one that is not validly encoded stays as it is and names nothing. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function badRestToken({ code, message }: TokenRefusal): Response {
  const challenge = `Bearer error="invalid_token", error_description="${message}"`;
  const body = { code, message, details: null, hint: null };
  return respondError({ status: 401, body, headers: { "www-authenticate": challenge } });
}

function badAuthToken({ message }: TokenRefusal): Response {
  return refuse(403, { code: 403, error_code: "bad_jwt", msg: `invalid JWT: ${message}` });
}

function badAuthBody(): Response {
  return refuse(400, { code: 400, error_code: "bad_json", msg: "Could not parse request body as JSON" });
}

function isJsonOrOther(request: Request, body: Body): boolean {
  if (body.byteLength === 0 || !request.headers.get("content-type")?.includes("json")) return true;
  try {
    JSON.parse(new TextDecoder().decode(body));
    return true;
  } catch {
    return false;
  }
}

async function health({ sql }: RouteParts): Promise<Response> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("timed out")), HEALTH_TIMEOUT_MS);
  try {
    await Promise.race([sql`select 1`, timeout]);
    return Response.json({ status: "ok" });
  } catch {
    return refuse(503, { status: "unavailable", message: "The database does not answer" });
  } finally {
    clearTimeout(timer);
  }
}
