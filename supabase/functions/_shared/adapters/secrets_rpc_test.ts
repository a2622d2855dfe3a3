import assert from "node:assert/strict";
import { EngineError } from "../ports/engine.ts";
import { SecretsRpc } from "./secrets_rpc.ts";

/** A Data API that answers one way. */
function answering(status: number, body: unknown) {
  const asked: { path: string; body: unknown }[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    asked.push({ path: new URL(request.url).pathname, body: await request.json() });
    return Response.json(body, { status });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const environment = {
    url,
    secretKeys: { default: "sb_secret_x" },
    databaseUrl: "",
    installationSecret: "",
  };
  return { secrets: new SecretsRpc(environment), asked, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("a key is opened for one call by its number", async () => {
  await using api = answering(200, { api_key: "public", secret: "private", send_within_ms: 950 });
  assert.deepEqual(await api.secrets.open(7), {
    key: { apiKey: "public", secret: "private" },
    sendWithinMs: 950,
  });
  assert.deepEqual(api.asked, [{ path: "/rest/v1/rpc/open_key", body: { p_call_id: 7 } }]);
});

Deno.test("a refusal keeps the engine's code", async () => {
  await using api = answering(400, {
    code: "FB409",
    message: "call_over: its time is over",
    details: null,
    hint: null,
  });
  await assert.rejects(api.secrets.open(7), (error: EngineError) => {
    assert.deepEqual([error.sqlstate, error.code], ["FB409", "call_over"]);
    return true;
  });
});

Deno.test("a key of another shape is not there, and no error repeats what there is of it", async () => {
  for (
    const body of [null, "hunter2", { api_key: "hunter2" }, { api_key: "a", secret: "hunter2" }, {
      ...{ api_key: "", secret: "hunter2", send_within_ms: 1 },
    }, {
      ...{ api_key: "a", secret: ["hunter2"], send_within_ms: 1 },
    }]
  ) {
    await using api = answering(200, body);
    await assert.rejects(api.secrets.open(7), (error: EngineError) => {
      assert.ok(error instanceof EngineError);
      assert.equal(error.code, "key_unavailable");
      return !JSON.stringify([error.message, error.stack, error.detail, String(error.cause)]).includes(
        "hunter2",
      );
    });
  }
});
