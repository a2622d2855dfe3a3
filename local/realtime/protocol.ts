/**
 * Frames of the Phoenix channel protocol as realtime-js speaks it: version 1.0.0 (JSON objects) and 2.0.0 (JSON
 * arrays, plus binary frames for user broadcasts). JSON payloads of broadcasts are carried as text from end to
 * end and never parsed into numbers, so amounts arrive with every digit they were sent with.
 */

/** Protocol version, from the query parameter `vsn`. */
export type Version = "1.0.0" | "2.0.0";

/** A message in either direction; `ref` pairs a reply with its question, `joinRef` names the join it belongs to. */
export interface Envelope {
  readonly joinRef: string | null;
  readonly ref: string | null;
  readonly topic: string;
  readonly event: string;
  readonly payload: unknown;
}

/** A user's broadcast: an event with JSON text or bytes. */
export interface Broadcast {
  readonly event: string;
  readonly content: { readonly json: string } | { readonly bytes: Uint8Array };
  /** Identifier of the message in the database; absent for what clients send each other. */
  readonly id?: string;
}

/** What a client sent: any message, or a broadcast in a binary frame. */
export type Inbound =
  | ({ readonly kind: "message" } & Envelope)
  | ({ readonly kind: "broadcast"; readonly broadcast: Broadcast } & Omit<Envelope, "event" | "payload">);

const KIND_PUSH = 3;
const KIND_BROADCAST = 4;
const ENCODING_JSON = 1;
const PUSH_HEADER_BYTES = 7;
const MAX_FIELD_BYTES = 255;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads a text frame; null when it is not a message of the version. */
export function decodeText(version: Version, text: string): Inbound | null {
  const frame = parseJson(text);
  if (version === "2.0.0") {
    if (!Array.isArray(frame) || frame.length !== 5) return null;
    const [joinRef, ref, topic, event, payload] = frame;
    return message(joinRef, ref, topic, event, payload);
  }
  if (typeof frame !== "object" || frame === null) return null;
  const { join_ref, ref, topic, event, payload } = frame as Record<string, unknown>;
  return message(join_ref, ref, topic, event, payload);
}

/** Reads a binary frame (a broadcast pushed by a 2.0.0 client); null when it is malformed. */
export function decodeBinary(frame: Uint8Array): Inbound | null {
  if (frame.length < PUSH_HEADER_BYTES || frame[0] !== KIND_PUSH) return null;
  const lengths = [...frame.subarray(1, PUSH_HEADER_BYTES - 1)];
  const end = lengths.reduce((sum, length) => sum + length, PUSH_HEADER_BYTES);
  if (end > frame.length) return null;
  let offset = PUSH_HEADER_BYTES;
  try {
    const [joinRef, ref, topic, event] = lengths.map((length) =>
      decoder.decode(frame.subarray(offset, offset += length))
    ) as [string, string, string, string, string];
    const payload = frame.slice(end);
    const isJson = frame[PUSH_HEADER_BYTES - 1] === ENCODING_JSON;
    const content = isJson ? { json: jsonText(payload) } : { bytes: payload };
    return {
      kind: "broadcast",
      joinRef: joinRef || null,
      ref: ref || null,
      topic,
      broadcast: { event, content },
    };
  } catch {
    return null; // a field that is not UTF-8, or a payload that is not JSON
  }
}

/** Writes a message whose payload is already JSON text. */
export function encodeMessage(
  version: Version,
  envelope: Omit<Envelope, "payload">,
  payloadJson: string,
): string {
  const { joinRef, ref, topic, event } = envelope;
  const [j, r, t, e] = [joinRef, ref, topic, event].map((part) => JSON.stringify(part));
  if (version === "2.0.0") return `[${j},${r},${t},${e},${payloadJson}]`;
  return `{"topic":${t},"event":${e},"payload":${payloadJson},"ref":${r},"join_ref":${j}}`;
}

/**
 * Writes a broadcast for the subscribers of a topic. Null when the version cannot carry it: 1.0.0 knows no
 * bytes, and the length fields of a binary frame end at 255.
 */
export function encodeBroadcast(
  version: Version,
  topic: string,
  broadcast: Broadcast,
): string | Uint8Array | null {
  const { event, content, id } = broadcast;
  const meta = id === undefined ? "" : JSON.stringify({ id });
  if ("json" in content) {
    const body = `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${content.json}`;
    const envelope = { joinRef: null, ref: null, topic, event: "broadcast" };
    return encodeMessage(version, envelope, `${body}${meta && `,"meta":${meta}`}}`);
  }
  if (version === "1.0.0") return null;
  const fields = [topic, event, meta].map((field) => encoder.encode(field));
  if (fields.some((field) => field.length > MAX_FIELD_BYTES)) return null;
  const header = Uint8Array.of(KIND_BROADCAST, ...fields.map((field) => field.length), 0);
  return concat([header, ...fields, content.bytes]);
}

/** The broadcast in the payload of a `broadcast` message that came as text; null when it is none. */
export function broadcastOf(payload: unknown): Broadcast | null {
  if (typeof payload !== "object" || payload === null) return null;
  const { event, payload: body } = payload as Record<string, unknown>;
  if (typeof event !== "string") return null;
  return { event, content: { json: JSON.stringify(body ?? {}) } };
}

/** Size of a broadcast's payload in bytes. */
export function payloadBytes({ content }: Broadcast): number {
  return "json" in content ? encoder.encode(content.json).length : content.bytes.length;
}

function message(
  joinRef: unknown,
  ref: unknown,
  topic: unknown,
  event: unknown,
  payload: unknown,
): Inbound | null {
  if (typeof topic !== "string" || typeof event !== "string") return null;
  return { kind: "message", joinRef: asRef(joinRef), ref: asRef(ref), topic, event, payload };
}

function asRef(value: unknown): string | null {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : null;
}

/** The text of a JSON payload, proven to be JSON: it will stand inside a frame. */
function jsonText(payload: Uint8Array): string {
  const text = decoder.decode(payload);
  JSON.parse(text);
  return text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
