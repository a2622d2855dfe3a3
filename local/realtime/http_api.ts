/** Broadcasting by HTTP: `POST …/api/broadcast` (a batch) and `POST …/api/broadcast/<topic>/events/<event>` (one). */
import { z } from "zod";
import { writeRight } from "./access.ts";
import type { TopicKey } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { type Broadcast, payloadBytes } from "./protocol.ts";
import type { Services } from "./services.ts";

const Batch = z.object({
  messages: z.array(z.object({
    topic: z.string().min(1),
    event: z.string().min(1),
    payload: z.record(z.string(), z.unknown()),
    private: z.boolean().default(false),
  })).min(1),
});

const SINGLE = /^([^/]+)\/events\/([^/]+)$/;

/** Body bytes read at most; a batch may hold several messages of the largest size. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/**
 * Answers a broadcast request. `path` is what follows `/api/broadcast`, without the slash. Whoever may not write to
 * a private topic is told nothing: the message is dropped and the answer is the same 202.
 */
export async function handleBroadcast(
  request: Request,
  path: string,
  caller: Identity,
  services: Services,
): Promise<Response> {
  if (request.method !== "POST") return problem(405, "Only POST is supported");
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length > MAX_BODY_BYTES) return problem(413, "The request body is too large");
  const single = SINGLE.exec(path);
  if (single !== null) return await handleSingle(request, single, body, caller, services);
  if (path !== "") return problem(404, "Not found");
  const batch = Batch.safeParse(parseJson(body));
  if (!batch.success) return problem(422, z.prettifyError(batch.error));
  const messages = batch.data.messages.map((message) => ({
    topic: { name: message.topic, isPrivate: message.private },
    broadcast: { event: message.event, content: { json: JSON.stringify(message.payload) } },
  }));
  if (messages.some(({ broadcast }) => isTooLarge(broadcast, services))) return problem(422, TOO_LARGE);
  const rights = new Map<string, Promise<boolean>>();
  for (const { topic, broadcast } of messages) {
    if (topic.isPrivate && !rights.has(topic.name)) rights.set(topic.name, mayWrite(topic, caller, services));
    if (!topic.isPrivate || await rights.get(topic.name)) services.hub.publish(topic, broadcast);
  }
  return accepted();
}

const TOO_LARGE = "Payload size exceeds the limit";

async function handleSingle(
  request: Request,
  [, topicPart, eventPart]: RegExpExecArray,
  body: Uint8Array,
  caller: Identity,
  services: Services,
): Promise<Response> {
  const isPrivate = new URL(request.url).searchParams.get("private") === "true";
  const [name, event] = [decodePart(topicPart!), decodePart(eventPart!)];
  if (name === null || event === null) return problem(422, "The topic or the event is not URL-encoded UTF-8");
  const topic = { name, isPrivate };
  const isBinary = request.headers.get("content-type")?.startsWith("application/octet-stream") ?? false;
  if (!isBinary && parseJson(body) === undefined) return problem(422, "The request body is not JSON");
  const content = isBinary ? { bytes: body } : { json: new TextDecoder().decode(body) };
  const broadcast: Broadcast = { event, content };
  if (isTooLarge(broadcast, services)) return problem(422, TOO_LARGE);
  if (!isPrivate || await mayWrite(topic, caller, services)) services.hub.publish(topic, broadcast);
  return accepted();
}

function isTooLarge(broadcast: Broadcast, services: Services): boolean {
  return payloadBytes(broadcast) > services.limits.broadcastBytes;
}

async function mayWrite(topic: TopicKey, caller: Identity, services: Services): Promise<boolean> {
  try {
    return await writeRight(services.sql, topic.name, caller, "broadcast");
  } catch (error) {
    services.log(`realtime: HTTP broadcast to ${topic.name}: ${(error as Error).message}`);
    return false;
  }
}

function decodePart(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function accepted(): Response {
  return new Response(null, { status: 202 });
}

function problem(status: number, error: string): Response {
  return Response.json({ error }, { status });
}
