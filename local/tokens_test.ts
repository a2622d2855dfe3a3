import assert from "node:assert/strict";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { loadKeys } from "./keys.ts";
import { createTokenService, type TokenService } from "./tokens.ts";

const INNER_SECRET = "an inner secret of more than thirty-two bytes";
const ISSUER = "http://127.0.0.1:54321/auth/v1";
const HOUR = 3600;

async function withTokens(run: (tokens: TokenService) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "fillbase-tokens-" });
  try {
    const { signingKey } = await loadKeys(dir);
    await run(await createTokenService({ signingKey, innerSecret: INNER_SECRET, issuer: ISSUER }));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function innerToken(claims: Record<string, unknown>): Promise<string> {
  return new SignJWT({ aud: "authenticated", exp: Math.floor(Date.now() / 1000) + HOUR, iat: 1, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(INNER_SECRET));
}

async function refusalOf(tokens: TokenService, token: string): Promise<string> {
  const result = await tokens.check(token);
  assert.equal(result.kind, "refused");
  return result.kind === "refused" ? `${result.refusal.code}: ${result.refusal.message}` : "";
}

Deno.test("a token issued outward verifies against the published key set and carries the hosted claims", () =>
  withTokens(async (tokens) => {
    const identity = { appMetadata: { plan: "pro" }, userMetadata: { name: "Ann" }, method: "password" };
    const token = await tokens.toOuter(await innerToken({ sub: "u1", role: "authenticated" }), identity);
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys: [...tokens.jwks.keys] }));
    assert.equal(decodeProtectedHeader(token).kid, tokens.jwks.keys[0]?.kid);
    assert.equal(payload.iss, ISSUER);
    assert.equal(payload.sub, "u1");
    assert.deepEqual(payload.app_metadata, { plan: "pro" });
    assert.deepEqual(payload.user_metadata, { name: "Ann" });
    assert.equal(payload.aal, "aal1");
    assert.deepEqual(payload.amr, [{ method: "password", timestamp: 1 }]);
  }));

Deno.test("the published key set holds no private part", () =>
  withTokens((tokens) => {
    assert.equal(tokens.jwks.keys.length, 1);
    assert.equal(tokens.jwks.keys[0]?.d, undefined);
    return Promise.resolve();
  }));

Deno.test("a token whose payload was changed is refused", () =>
  withTokens(async (tokens) => {
    const token = await tokens.sign({ sub: "u1", role: "authenticated" }, HOUR);
    const [header, , signature] = token.split(".");
    const forged = btoa(JSON.stringify({ sub: "u2", role: "service_role" })).replaceAll("=", "");
    assert.match(await refusalOf(tokens, `${header}.${forged}.${signature}`), /^PGRST301/);
    assert.equal(await tokens.verify(`${header}.${forged}.${signature}`), null);
  }));

Deno.test("an expired token is refused as expired, also when it was accepted before", () =>
  withTokens(async (tokens) => {
    assert.match(
      await refusalOf(tokens, await tokens.sign({ role: "authenticated" }, -60)),
      /^PGRST303: JWT expired/,
    );
    const shortLived = await tokens.sign({ role: "authenticated" }, -29);
    assert.equal((await tokens.check(shortLived)).kind, "valid");
    const deadline = Date.now() + 5_000;
    while ((await tokens.check(shortLived)).kind === "valid") {
      assert.ok(Date.now() < deadline, "the remembered token outlived its expiry");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }));

Deno.test("an inner token is worth nothing outside", () =>
  withTokens(async (tokens) => {
    const token = await innerToken({ sub: "u1", role: "service_role" });
    assert.match(await refusalOf(tokens, token), /^PGRST301: Wrong or unsupported encoding algorithm/);
  }));

Deno.test("a signed token with a database role that is not the API's is refused", () =>
  withTokens(async (tokens) => {
    const token = await tokens.sign({ sub: "u1", role: "postgres" }, HOUR);
    assert.match(await refusalOf(tokens, token), /^PGRST301/);
  }));

Deno.test("words that are not a token are refused", () =>
  withTokens(async (tokens) => {
    for (const word of ["", "x", "a.b.c", "sb_publishable_x"]) {
      assert.match(await refusalOf(tokens, word), /^PGRST301/);
    }
  }));

Deno.test("a verified identity is exchanged for an inner token with the same subject and session", () =>
  withTokens(async (tokens) => {
    const claims = await tokens.verify(
      await tokens.sign({ sub: "u1", role: "authenticated", session_id: "s1" }, HOUR),
    );
    assert.ok(claims);
    const { payload } = await jwtVerify(
      await tokens.toInner(claims),
      new TextEncoder().encode(INNER_SECRET),
    );
    assert.equal(payload.sub, "u1");
    assert.equal(payload.session_id, "s1");
  }));
