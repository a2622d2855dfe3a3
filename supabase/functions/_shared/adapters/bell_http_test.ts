import assert from "node:assert/strict";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import { EngineError } from "../ports/engine.ts";
import { answerError, isSecretKey, readBell } from "./bell_http.ts";
import type { RequestError } from "./http_body.ts";

const URL = "http://localhost/execute-trade";
const environment: FunctionEnvironment = {
  url: "http://localhost",
  secretKeys: { default: "sb_secret_abc", automations: "sb_secret_xyz" },
  databaseUrl: "postgres://localhost",
  installationSecret: "",
};

const post = (body: BodyInit | null, headers: Record<string, string> = {}) =>
  new Request(URL, { method: "POST", body, headers });

Deno.test("an empty body is a plain bell", async () => {
  const bell = await readBell(post(null, { "x-fillbase-bell": "1.aa" }));
  assert.deepEqual(bell, { token: "1.aa", isHandover: false });
});

Deno.test("a body may say that a predecessor hands over", async () => {
  assert.equal((await readBell(post('{"handover":true}'))).isHandover, true);
});

for (
  const [what, request, status, code] of [
    ["a GET", new Request(URL), 405, "method_not_allowed"],
    ["text that is no JSON", post("{"), 400, "body_invalid"],
    ["a field of the wrong type", post('{"handover":"yes"}'), 400, "body_invalid"],
    ["a list", post("[1]"), 400, "body_invalid"],
    ["more than a bell says", post("x".repeat(5_000)), 413, "body_too_large"],
  ] as const
) {
  Deno.test(`${what} is refused with ${status} ${code}`, async () => {
    await assert.rejects(
      () => readBell(request),
      (error: RequestError) => error.status === status && error.code === code,
    );
  });
}

Deno.test("any of the project's secret keys opens the door, nothing else does", () => {
  const withKey = (apikey: string) => isSecretKey(post(null, { apikey }), environment);
  assert.equal(withKey("sb_secret_abc"), true);
  assert.equal(withKey("sb_secret_xyz"), true);
  assert.equal(withKey("sb_secret_abd"), false);
  assert.equal(withKey("sb_secret_ab"), false);
  assert.equal(withKey(""), false);
  assert.equal(isSecretKey(post(null), environment), false);
});

Deno.test("an engine's refusal keeps its code and hint, with the status of its class", async () => {
  const answer = answerError(
    new EngineError("FB423", "installation_not_armed", "not armed", "{secret}", "arm it"),
  );
  assert.equal(answer.status, 423);
  assert.deepEqual(await answer.json(), {
    code: "installation_not_armed",
    message: "not armed",
    hint: "arm it",
  });
});

Deno.test("any other failure says nothing of what went on inside", async () => {
  const answer = answerError(new Error("postgres://user:password@host"));
  assert.equal(answer.status, 500);
  assert.doesNotMatch(await answer.text(), /password/);
});
