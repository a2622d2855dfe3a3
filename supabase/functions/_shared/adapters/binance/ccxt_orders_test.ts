import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { standing } from "../../../../../tests/harness/binance_floor.ts";
import { connectOrders, ENDPOINTS } from "./ccxt_orders.ts";

/** The key of the exchange's documentation. */
const DOCUMENTED = {
  apiKey: "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
  secret: "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
};
const LIMITS = { leaveByMs: Infinity, deadlineMs: 1_000 };
const ORDER = {
  symbol: "LTCBTC",
  quantity: "1",
  newClientOrderId: "a-1",
  recvWindow: 5_000,
  timestamp: 1_499_827_319_559,
};

function connect() {
  const sent: { url: string; init: RequestInit }[] = [];
  const send = (url: string, init: RequestInit) => {
    sent.push({ url, init });
    return Promise.resolve(new Response("{}"));
  };
  return { client: connectOrders("http://venue.invalid/base", standing(send as typeof fetch)), sent };
}

function split(signed: string): [payload: string, signature: string] {
  const at = signed.lastIndexOf("&signature=");
  return [signed.slice(0, at), decodeURIComponent(signed.slice(at + "&signature=".length))];
}

function hmacOf(payload: string): string {
  return createHmac("sha256", DOCUMENTED.secret).update(payload).digest("hex");
}

Deno.test("changes carry their parameters in the body and questions in the address, signed with HMAC", async () => {
  const { client, sent } = connect();
  await client.request(ENDPOINTS.placeOrder, ORDER, DOCUMENTED, LIMITS);
  await client.request(ENDPOINTS.cancelOrder, ORDER, DOCUMENTED, LIMITS);
  for (const [index, signed] of [String(sent[0]!.init.body), sent[1]!.url.split("?")[1]!].entries()) {
    const [payload, signature] = split(signed);
    assert.equal(signature, hmacOf(payload), `request ${index}`);
    assert.equal(new URLSearchParams(payload).get("timestamp"), "1499827319559");
    assert.equal(new Headers(sent[index]!.init.headers).get("x-mbx-apikey"), DOCUMENTED.apiKey);
  }
  assert.deepEqual([sent[0]!.url, sent[0]!.init.method], ["http://venue.invalid/base/api/v3/order", "POST"]);
  assert.equal(sent[1]!.init.body ?? null, null);
});

Deno.test("a symbol that is not written in Latin letters is encoded before it is signed", async () => {
  const { client, sent } = connect();
  await client.request(ENDPOINTS.placeOrder, { ...ORDER, symbol: "币安人生USDT" }, DOCUMENTED, LIMITS);
  const body = String(sent[0]!.init.body);
  assert.match(body, /symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT/);
  const [payload, signature] = split(body);
  assert.equal(signature, hmacOf(payload));
});

Deno.test("an Ed25519 key signs as well", async () => {
  const { client, sent } = connect();
  const { privateKey, publicKey } = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const base64 = Buffer.from(await crypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  const secret = `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----`;
  await client.request(ENDPOINTS.placeOrder, ORDER, { apiKey: "key", secret }, LIMITS);
  const [payload, signature] = split(String(sent[0]!.init.body));
  const bytes = Buffer.from(signature, "base64");
  assert.ok(await crypto.subtle.verify("Ed25519", publicKey, bytes, new TextEncoder().encode(payload)));
});

Deno.test("a question that needs no key is sent without one, and a connection remembers none", async () => {
  const { client, sent } = connect();
  await client.request(ENDPOINTS.account, ORDER, DOCUMENTED, LIMITS);
  await client.request(ENDPOINTS.time, {}, null, LIMITS);
  assert.equal(sent[1]!.url, "http://venue.invalid/base/api/v3/time");
  assert.equal(new Headers(sent[1]!.init.headers).get("x-mbx-apikey"), null);
  const { exchanged, isSuccess } = await client.request(ENDPOINTS.account, ORDER, null, LIMITS);
  assert.deepEqual([isSuccess, exchanged.sentAtMs, exchanged.failure, sent.length], [false, null, null, 2]);
});

Deno.test("no address but the one that was given is known", async () => {
  const { client, sent } = connect();
  for (const api of ["sapiV2", "fapiPrivate", "dapiPrivate", "papi", "eapiPrivate"]) {
    const elsewhere = { method: "POST", path: "order", api } as unknown as typeof ENDPOINTS.placeOrder;
    assert.equal((await client.request(elsewhere, ORDER, DOCUMENTED, LIMITS)).isSuccess, false);
  }
  assert.deepEqual(sent, []);
});
