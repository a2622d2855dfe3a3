/** Who a request of the Data API or Auth comes from: its API key and, for a user, its access token. */
import type { Caller } from "./api_session.ts";
import { refuse } from "./http_edges.ts";
import { type LocalKeys, roleOfApiKey } from "./keys.ts";
import type { TokenRefusal, TokenService } from "./tokens.ts";

/** An admitted request: the key's own identity, or the user's when it carries a token. */
export type Admission =
  | { readonly kind: "admitted"; readonly caller: Caller; readonly isUser: boolean }
  | { readonly kind: "refused"; readonly response: Response }
  | { readonly kind: "bad-token"; readonly refusal: TokenRefusal };

const BROWSER = /^mozilla\//i;
const BEARER = /^bearer\s+(.+)$/i;

/**
 * Admits a request by its `apikey` header or parameter. A token that is present but bad refuses the request:
 * it never falls back to what the key alone may do.
 */
export async function admit(
  request: Request,
  url: URL,
  keys: LocalKeys,
  tokens: TokenService,
): Promise<Admission> {
  const apiKey = request.headers.get("apikey") ?? url.searchParams.get("apikey");
  if (apiKey === null) return refused("UNAUTHORIZED_MISSING_API_KEY", noKey);
  const keyRole = roleOfApiKey(keys, apiKey);
  if (keyRole === null) return refused("UNAUTHORIZED_INVALID_API_KEY", invalidKey);
  if (isSecretInBrowser(request, keyRole)) {
    return refused("UNAUTHORIZED_INVALID_API_KEY_TYPE", secretInBrowser);
  }
  const token = bearerToken(request.headers);
  if (token === null) {
    return { kind: "admitted", caller: { role: keyRole, claims: { role: keyRole } }, isUser: false };
  }
  const check = await tokens.check(token);
  if (check.kind === "refused") return { kind: "bad-token", refusal: check.refusal };
  return { kind: "admitted", caller: { role: check.claims.role, claims: check.claims }, isUser: true };
}

/** The access token of a request; an API key sent in its place is no token. */
export function bearerToken(headers: Headers): string | null {
  const bearer = BEARER.exec(headers.get("authorization") ?? "")?.[1]?.trim() ?? null;
  return bearer === null || bearer.startsWith("sb_") ? null : bearer;
}

/** Browsers must never hold a secret key, so one that shows up there is treated as leaked. */
export function isSecretInBrowser(request: Request, keyRole: "anon" | "service_role"): boolean {
  return keyRole === "service_role" && BROWSER.test(request.headers.get("user-agent") ?? "");
}

const noKey = {
  message: "No API key found in request",
  hint: "No `apikey` request header or url param was found.",
};
const invalidKey = { message: "Invalid API key", hint: "Double check your Supabase API key." };
const secretInBrowser = {
  message: "Forbidden use of secret API key in browser",
  hint: "Secret API keys can only be used in a protected environment and should never be used in a browser.",
};

function refused(code: string, body: Readonly<Record<string, string>>): Admission {
  return { kind: "refused", response: refuse(401, body, { "sb-error-code": code }) };
}
