/**
 * Answers of the embedded Auth on their way out: wherever they carry an access token, in a JSON body or in the
 * fragment of a redirect, it is replaced by one that the outside can verify.
 */
import type { TokenService } from "./tokens.ts";

/** Asks Auth who the bearer of an inner token is; null when it does not know. */
export type UserLookup = (innerToken: string) => Promise<AuthUser | null>;

/** The part of Auth's user object that tokens repeat. */
export interface AuthUser {
  readonly app_metadata?: Record<string, unknown>;
  readonly user_metadata?: Record<string, unknown>;
}

/** Replaces the tokens in an answer of Auth to `request`; anything else passes unchanged. */
export async function translateAuthAnswer(
  request: { readonly url: URL },
  response: Response,
  tokens: TokenService,
  lookUpUser: UserLookup,
): Promise<Response> {
  const reissue = async (innerToken: string, user: AuthUser | null) =>
    await tokens.toOuter(innerToken, {
      appMetadata: user?.app_metadata ?? {},
      userMetadata: user?.user_metadata ?? {},
      method: methodOf(request.url),
    });
  const location = response.headers.get("location");
  if (location?.includes("access_token=")) {
    return await redirectAnswer(response, location, async (token) => reissue(token, await lookUpUser(token)));
  }
  if (!response.headers.get("content-type")?.includes("application/json")) return response;
  return await sessionAnswer(response, reissue);
}

async function sessionAnswer(
  response: Response,
  reissue: (innerToken: string, user: AuthUser | null) => Promise<string>,
): Promise<Response> {
  const text = await response.text();
  const answer: unknown = text.includes('"access_token"') ? JSON.parse(text) : null;
  if (!isSession(answer)) return new Response(text, response);
  const access_token = await reissue(answer.access_token, answer.user ?? null);
  return Response.json({ ...answer, access_token }, withoutLength(response));
}

async function redirectAnswer(
  response: Response,
  location: string,
  reissue: (innerToken: string) => Promise<string>,
): Promise<Response> {
  const [target = "", fragment = ""] = location.split("#", 2);
  const parameters = new URLSearchParams(fragment);
  parameters.set("access_token", await reissue(parameters.get("access_token") ?? ""));
  const init = withoutLength(response);
  init.headers.set("location", `${target}#${parameters}`);
  return new Response(null, init);
}

function isSession(answer: unknown): answer is { access_token: string; user?: AuthUser } {
  return typeof answer === "object" && answer !== null && "access_token" in answer &&
    typeof answer.access_token === "string";
}

/** How a session was opened, as the `amr` claim names it. */
function methodOf({ pathname, searchParams }: URL): string {
  const isPassword = searchParams.get("grant_type") === "password" || pathname.endsWith("/signup");
  const isRefresh = searchParams.get("grant_type") === "refresh_token";
  return isPassword || isRefresh ? "password" : "otp";
}

function withoutLength(response: Response): { status: number; headers: Headers } {
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return { status: response.status, headers };
}
