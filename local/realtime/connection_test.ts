import assert from "node:assert/strict";
import { eventually } from "../testing.ts";
import { ChangeRouter } from "./changes.ts";
import { CLOSE_CODES, Connection, type Socket } from "./connection.ts";
import { Hub } from "./hub.ts";
import { keyIdentity } from "./identity.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { PresenceBoard } from "./presence.ts";
import type { Services } from "./services.ts";

class FakeSocket implements Socket {
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: string[] = [];
  closedWith: number | null = null;

  send(frame: string | Uint8Array): void {
    this.sent.push(String(frame));
  }

  close(code: number): void {
    this.readyState = 2;
    this.closedWith = code;
  }
}

/** Services without a database: enough for public channels. */
function connect(limits: Partial<Limits> = {}) {
  const sql = (() => assert.fail("a public channel must not ask the database")) as unknown as Services["sql"];
  const all = { ...DEFAULT_LIMITS, joinErrorDelayMs: 0, ...limits };
  const hub = new Hub();
  const services: Services = {
    sql,
    hub,
    presence: new PresenceBoard(),
    changes: new ChangeRouter(sql, all, () => {}),
    wal: { isStreaming: true, streaming: () => Promise.resolve(true), stop: () => Promise.resolve() },
    verifyToken: () => Promise.resolve(null),
    limits: all,
    log: () => {},
    now: Date.now,
  };
  const socket = new FakeSocket();
  return { hub, socket, connection: new Connection(socket, "2.0.0", keyIdentity("anon"), services) };
}

const join = (topic: string, ref = "1") =>
  JSON.stringify([ref, ref, `realtime:${topic}`, "phx_join", { config: {} }]);
/** The reply to the message with the reference. */
const reply = (socket: FakeSocket, ref: string) =>
  eventually(`the reply to ${ref}`, () => {
    const frames = socket.sent.map((frame) => JSON.parse(frame));
    return frames.find(([, answered, , event]) => event === "phx_reply" && answered === ref)?.[4];
  });
const news = { name: "news", isPrivate: false };
const broadcast = { event: "e", content: { json: "{}" } };

Deno.test("a client that reads too slowly is disconnected, and gets nothing more", async () => {
  const { hub, socket, connection } = connect({ sendQueueBytes: 1000 });
  connection.receive(join("news"));
  await reply(socket, "1");
  socket.bufferedAmount = 1000;
  hub.publish(news, broadcast);
  assert.equal(socket.closedWith, null, "the limit itself is allowed");
  socket.bufferedAmount = 1001;
  const before = socket.sent.length;
  hub.publish(news, broadcast);
  hub.publish(news, broadcast);
  assert.equal(socket.closedWith, CLOSE_CODES.slowConsumer);
  assert.equal(socket.sent.length, before);
});

Deno.test("a client that floods one channel faster than it is served is disconnected", () => {
  const { socket, connection } = connect({ receiveQueueMessages: 3 });
  connection.receive(join("news"));
  for (let n = 0; n < 3; n++) {
    connection.receive(
      JSON.stringify(["1", `${n}`, "realtime:news", "broadcast", { event: "e", payload: {} }]),
    );
  }
  assert.equal(socket.closedWith, CLOSE_CODES.tooManyRequests);
});

Deno.test("heartbeats are answered, and so is a message to a topic that was never joined", () => {
  const { socket, connection } = connect();
  connection.receive('[null,"7","phoenix","heartbeat",{}]');
  connection.receive('["1","8","realtime:unknown","broadcast",{"event":"e"}]');
  connection.receive('["1","9","realtime:unknown","phx_leave",{}]');
  connection.receive("not a frame");
  assert.deepEqual(socket.sent, [
    '[null,"7","phoenix","phx_reply",{"status":"ok","response":{}}]',
    '["1","8","realtime:unknown","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]',
    '["1","9","realtime:unknown","phx_reply",{"status":"ok","response":{}}]',
  ]);
});

Deno.test("a second join of a topic replaces the first: one delivery, under the new reference", async () => {
  const { hub, socket, connection } = connect();
  connection.receive(join("news", "1"));
  connection.receive(join("news", "2"));
  await reply(socket, "2");
  hub.publish(news, broadcast);
  assert.equal(socket.sent.filter((frame) => frame.includes('"broadcast"')).length, 1);
});

Deno.test("more channels than the limit are refused, and a left one makes room", async () => {
  const { socket, connection } = connect({ channelsPerSocket: 1 });
  connection.receive(join("one", "1"));
  connection.receive(join("two", "2"));
  const reason = "ChannelRateLimitReached: Too many channels";
  assert.deepEqual(await reply(socket, "2"), { status: "error", response: { reason } });
  connection.receive('["1","3","realtime:one","phx_leave",{}]');
  await reply(socket, "3");
  connection.receive(join("two", "4"));
  assert.equal((await reply(socket, "4")).status, "ok");
});

Deno.test("a topic without a name is refused", async () => {
  const { socket, connection } = connect();
  connection.receive(join(""));
  const reason = "TopicNameRequired: You must provide a topic name";
  assert.deepEqual(await reply(socket, "1"), { status: "error", response: { reason } });
});

Deno.test("a closed socket is forgotten by its topics", async () => {
  const { hub, socket, connection } = connect();
  connection.receive(join("news"));
  await reply(socket, "1");
  connection.forgetChannels();
  const before = socket.sent.length;
  hub.publish(news, broadcast);
  assert.equal(socket.sent.length, before);
});
