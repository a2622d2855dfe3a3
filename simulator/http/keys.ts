import { createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import { Rejection } from "../engine/rejection.ts";
import type { Params } from "./params.ts";
import type { WireRequest } from "./wire.ts";

export interface ApiKey {
  readonly apiKey: string;
  readonly secret: string;
  readonly accountId: string;
  readonly createdAt: number;
  canTrade: boolean;
  isRevoked: boolean;
  /** Addresses that may use it; null: all. */
  ips: string[] | null;
}

/** What an endpoint asks of who calls it. */
export type Security = "none" | "read" | "trade";

const KEY_FORMAT = /^[A-Za-z0-9]{64}$/;
const RECV_WINDOW_DEFAULT_MS = 5_000;
const RECV_WINDOW_MAX_MS = 60_000;
/** How far ahead of the server a client's clock may be. */
const AHEAD_MAX_MS = 1_000;
/** What a payload consists of when it was percent-encoded before it was signed, as Binance asks since 2026. */
const ENCODED = /^[\w.~%&=+*!'()-]*$/;

/** The caller's key, if it may do what it asks for. */
export function authenticate(
  keys: ReadonlyMap<string, ApiKey>,
  request: WireRequest,
  security: "read" | "trade",
): ApiKey {
  if (request.apiKey === null || !KEY_FORMAT.test(request.apiKey)) {
    throw new Rejection(-2014, "API-key format invalid.");
  }
  const key = keys.get(request.apiKey);
  const isAllowed = key !== undefined && !key.isRevoked && (key.ips?.includes(request.ip) ?? true) &&
    (security === "read" || key.canTrade);
  if (!isAllowed) throw new Rejection(-2015, "Invalid API-key, IP, or permissions for action.");
  return key;
}

/** When a request was made, and how long after that it may still be carried out. */
export interface Timing {
  readonly timestamp: number;
  readonly recvWindowMs: number;
}

export function readTiming(params: Params): Timing {
  params.requiredText("timestamp");
  const recvWindow = params.text("recvWindow");
  if (recvWindow !== null && !/^\d{1,10}(\.\d{1,3})?$/.test(recvWindow)) {
    throw new Rejection(-1130, "Data sent for parameter 'recvWindow' is not valid.");
  }
  const recvWindowMs = recvWindow === null ? RECV_WINDOW_DEFAULT_MS : parseFloat(recvWindow);
  if (recvWindowMs > RECV_WINDOW_MAX_MS) throw new Rejection(-1131, "recvWindow must be less than 60000");
  return { timestamp: params.integer("timestamp")!, recvWindowMs };
}

/** Checked when a request comes in, and again just before it goes to the matching engine. */
export function checkTiming({ timestamp, recvWindowMs }: Timing, serverTime: number): void {
  if (timestamp >= serverTime + AHEAD_MAX_MS) {
    throw new Rejection(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
  }
  if (serverTime - timestamp > recvWindowMs) {
    throw new Rejection(-1021, "Timestamp for this request is outside of the recvWindow.");
  }
}

/** HMAC-SHA256 over query and body exactly as they were sent, one after the other, without the signature. */
export function checkSignature(request: WireRequest, secret: string, params: Params): void {
  const sent = Buffer.from(params.requiredText("signature").toLowerCase());
  const payload = withoutSignature(request.query) + withoutSignature(request.body);
  const expected = Buffer.from(createHmac("sha256", secret).update(payload).digest("hex"));
  const isEqual = sent.length === expected.length && timingSafeEqual(sent, expected);
  if (!isEqual || !ENCODED.test(payload)) {
    throw new Rejection(-1022, "Signature for this request is not valid.");
  }
}

function withoutSignature(part: string): string {
  return part.split("&").filter((pair) => !pair.startsWith("signature=")).join("&");
}
