import assert from "node:assert/strict";
import { ringSuccessor } from "./ring_http.ts";

async function ring(region?: string): Promise<Headers> {
  let seen = new Headers();
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    seen = request.headers;
    return new Response(null, { status: 202 });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const environment = { url, secretKeys: {}, databaseUrl: "", installationSecret: "" };
  await ringSuccessor(region === undefined ? environment : { ...environment, region }, "token", () => {});
  return seen;
}

Deno.test("a successor is asked for where its predecessor runs", async () => {
  assert.equal((await ring("eu-central-1")).get("x-region"), "eu-central-1");
  assert.equal((await ring()).get("x-region"), null);
});
