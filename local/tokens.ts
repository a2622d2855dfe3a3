/**
 * Access tokens of the local project. Outside it shows what a hosted project shows: ES256 tokens with a
 * `kid`, verifiable against the published JWKS. `@supabase/lite` inside knows only HS256 with a shared
 * secret, so each token is exchanged at the door: outward when Auth issues it, inward when a request
 * carries it.
 */
import { errors, importJWK, type JWK, jwtVerify, type JWTVerifyResult, SignJWT } from "jose";
import type { ApiRole, SigningKey } from "./keys.ts";

/** The claims of a verified access token. `role` is always one of the API's roles. */
export interface Claims {
  readonly role: ApiRole;
  readonly sub?: string;
  readonly exp?: number;
  readonly session_id?: string;
  readonly [claim: string]: unknown;
}

/** Why a token was refused, in the words and codes of the hosted Data API. */
export interface TokenRefusal {
  readonly code: "PGRST301" | "PGRST303";
  readonly message: string;
}

export type TokenCheck =
  | { readonly kind: "valid"; readonly claims: Claims }
  | { readonly kind: "refused"; readonly refusal: TokenRefusal };

/** Claims that a hosted token has and a token of `@supabase/lite` lacks. */
export interface IdentityClaims {
  readonly appMetadata: Record<string, unknown>;
  readonly userMetadata: Record<string, unknown>;
  /** How the session was opened: `password`, `otp`, … */
  readonly method: string;
}

export interface TokenService {
  /** The public half of the signing key, as served at `/auth/v1/.well-known/jwks.json`. */
  readonly jwks: { readonly keys: readonly JWK[] };
  /** Verifies a token from outside; a refusal says why. */
  check(token: string): Promise<TokenCheck>;
  /** Verifies a token from outside; null for any reason of refusal. */
  verify(token: string): Promise<Claims | null>;
  /** The same identity as a token that `@supabase/lite` accepts; never leaves the process. */
  toInner(claims: Claims): Promise<string>;
  /** A token of `@supabase/lite`, verified and signed again for the outside with the missing claims. */
  toOuter(innerToken: string, identity: IdentityClaims): Promise<string>;
  /** Signs claims as the project's Auth would; for tools and tests that need a token without a session. */
  sign(claims: Record<string, unknown>, expiresInSeconds: number): Promise<string>;
}

export interface TokenServiceOptions {
  readonly signingKey: SigningKey;
  /** Shared with `@supabase/lite`, random per start. */
  readonly innerSecret: string;
  /** The issuer written into tokens, `<project url>/auth/v1`. */
  readonly issuer: string;
}

/** Grace for clocks that differ, as in the hosted Data API. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Verified tokens remembered, so that a busy client costs one signature check per token, not per request. */
const REMEMBERED_TOKENS = 1_000;
const API_ROLES: ReadonlySet<unknown> = new Set<ApiRole>(["anon", "authenticated", "service_role"]);

/** Prepares signing and verification; throws when the signing key is not a usable ES256 key. */
export async function createTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const { signingKey, issuer } = options;
  const privateKey = await importJWK(signingKey, "ES256");
  const { d: _private, ...publicHalf } = signingKey;
  const publicJwk: JWK = { ...publicHalf, alg: "ES256", use: "sig", key_ops: ["verify"], ext: true };
  const publicKey = await importJWK(publicJwk, "ES256");
  const innerKey = new TextEncoder().encode(options.innerSecret);
  const remembered = new RememberedTokens();

  const sign = (claims: Record<string, unknown>) =>
    new SignJWT({ ...claims, iss: issuer })
      .setProtectedHeader({ alg: "ES256", kid: signingKey.kid, typ: "JWT" })
      .sign(privateKey);

  const check = async (token: string): Promise<TokenCheck> => {
    const known = remembered.get(token);
    if (known) return { kind: "valid", claims: known };
    const result = await verified(() =>
      jwtVerify(token, publicKey, { algorithms: ["ES256"], clockTolerance: CLOCK_TOLERANCE_SECONDS })
    );
    if (result.kind === "valid") remembered.add(token, result.claims);
    return result;
  };

  return {
    jwks: { keys: [publicJwk] },
    check,
    async verify(token) {
      const result = await check(token);
      return result.kind === "valid" ? result.claims : null;
    },
    toInner: (claims) => new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256" }).sign(innerKey),
    async toOuter(innerToken, identity) {
      const { payload } = await jwtVerify(innerToken, innerKey, { algorithms: ["HS256"] });
      return await sign({ ...payload, ...hostedClaims(identity, payload.iat) });
    },
    sign(claims, expiresInSeconds) {
      const now = Math.floor(Date.now() / 1000);
      return sign({ aud: "authenticated", iat: now, exp: now + expiresInSeconds, ...claims });
    },
  };
}

/** Whether a value names a role that a request may act as; every other database role is out of reach. */
export function isApiRole(value: unknown): value is ApiRole {
  return API_ROLES.has(value);
}

function hostedClaims(identity: IdentityClaims, issuedAt = Math.floor(Date.now() / 1000)) {
  return {
    app_metadata: identity.appMetadata,
    user_metadata: identity.userMetadata,
    aal: "aal1",
    amr: [{ method: identity.method, timestamp: issuedAt }],
    is_anonymous: false,
  };
}

async function verified(verify: () => Promise<JWTVerifyResult>): Promise<TokenCheck> {
  try {
    const { payload } = await verify();
    if (!isApiRole(payload.role)) return refused("PGRST301", "The token's role is not a role of the API");
    return { kind: "valid", claims: payload as Claims };
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): TokenCheck {
  if (error instanceof errors.JWTExpired) return refused("PGRST303", "JWT expired");
  if (error instanceof errors.JWTClaimValidationFailed) return refused("PGRST303", "Parsing claims failed");
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refused("PGRST301", "No suitable key or wrong key type");
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refused("PGRST301", "Wrong or unsupported encoding algorithm");
  }
  if (error instanceof errors.JOSEError) return refused("PGRST301", "JWT couldn't be decoded");
  throw error;
}

function refused(code: TokenRefusal["code"], message: string): TokenCheck {
  return { kind: "refused", refusal: { code, message } };
}

/** A bounded memory of verified tokens; a token is forgotten when it expires or when newer ones crowd it out. */
class RememberedTokens {
  readonly #claims = new Map<string, Claims>();

  get(token: string): Claims | undefined {
    const claims = this.#claims.get(token);
    if (!claims) return undefined;
    const isAlive = claims.exp === undefined || claims.exp + CLOCK_TOLERANCE_SECONDS > Date.now() / 1000;
    if (isAlive) return claims;
    this.#claims.delete(token);
    return undefined;
  }

  add(token: string, claims: Claims): void {
    const oldest = this.#claims.size >= REMEMBERED_TOKENS ? this.#claims.keys().next().value : undefined;
    if (oldest !== undefined) this.#claims.delete(oldest);
    this.#claims.set(token, claims);
  }
}
