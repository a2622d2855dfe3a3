/** Who a socket or a channel acts for: the claims of a token, or the role of an API key. */
import { z } from "zod";

/** A caller. */
export interface Identity {
  /** Database role. */
  readonly role: string;
  /** All claims as JSON text, for `request.jwt.claims`. */
  readonly claims: string;
  /** Milliseconds since 1970; null for an API key, which does not expire. */
  readonly expiresAt: number | null;
  /** The token as sent; null for an API key. */
  readonly token: string | null;
}

/** Why a token is refused, worded as the hosted server words it: `Code: text`. */
export interface TokenRefusal {
  readonly code: string;
  readonly message: string;
}

/** Checks a token's signature and expiry; null refuses it. */
export type VerifyToken = (token: string) => Promise<object | null>;

const Claims = z.looseObject({ role: z.string().min(1), exp: z.number().int() });

/** The identity of a token, or why it has none. */
export async function identify(
  token: string,
  verify: VerifyToken,
  now: number,
): Promise<{ identity: Identity } | { refusal: TokenRefusal }> {
  const verified = await verify(token);
  if (verified === null) return { refusal: refusalOf(token, now) };
  const claims = Claims.safeParse(verified);
  if (!claims.success) return refused("InvalidJWTToken", "Fields `role` and `exp` are required in JWT");
  const expiresAt = claims.data.exp * 1000;
  if (expiresAt <= now) return refused("InvalidJWTToken", expiredText(claims.data.exp, now));
  return { identity: { role: claims.data.role, claims: JSON.stringify(verified), expiresAt, token } };
}

/** The identity that an API key alone gives. */
export function keyIdentity(role: "anon" | "service_role"): Identity {
  return { role, claims: JSON.stringify({ role }), expiresAt: null, token: null };
}

/** A refused token that has merely expired is worth telling apart: its client needs to refresh, not to sign in. */
function refusalOf(token: string, now: number): TokenRefusal {
  const claims = unverifiedClaims(token);
  if (claims === null) return { code: "MalformedJWT", message: "The token provided is not a valid JWT" };
  const { exp } = claims;
  if (typeof exp === "number" && exp * 1000 <= now) {
    return { code: "InvalidJWTToken", message: expiredText(exp, now) };
  }
  return { code: "JwtSignatureError", message: "Failed to validate JWT signature" };
}

function unverifiedClaims(token: string): Record<string, unknown> | null {
  const body = token.split(".")[1];
  if (body === undefined) return null;
  try {
    const claims = JSON.parse(atob(body.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof claims === "object" ? claims : null;
  } catch {
    return null;
  }
}

function expiredText(exp: number, now: number): string {
  return `Token has expired ${Math.max(0, Math.round(now / 1000 - exp))} seconds ago`;
}

function refused(code: string, message: string): { refusal: TokenRefusal } {
  return { refusal: { code, message } };
}
