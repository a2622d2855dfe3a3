/** One client's socket: decodes frames, leads them to its channels, and bounds what waits to be sent. */
import { Channel } from "./channel.ts";
import type { Identity } from "./identity.ts";
import {
  decodeBinary,
  decodeText,
  encodeMessage,
  type Envelope,
  type Inbound,
  type Version,
} from "./protocol.ts";
import type { Services } from "./services.ts";

/** The part of a WebSocket that a connection uses. */
export interface Socket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  send(frame: string | Uint8Array<ArrayBuffer>): void;
  close(code: number, reason: string): void;
}

/** Close codes of this server, in the range left to applications. */
export const CLOSE_CODES = { slowConsumer: 4008, tooManyRequests: 4029, goingAway: 4001 } as const;

const OPEN = 1;

/** A connected client. */
export class Connection {
  readonly #channels = new Map<string, Channel>();
  readonly #socket: Socket;
  readonly #services: Services;

  constructor(
    socket: Socket,
    readonly version: Version,
    /** Who the API key of the connection stands for. */
    readonly identity: Identity,
    services: Services,
  ) {
    this.#socket = socket;
    this.#services = services;
  }

  /** Takes a frame from the client. What cannot be read is ignored, as the protocol has no answer to it. */
  receive(frame: string | ArrayBuffer): void {
    const inbound = typeof frame === "string"
      ? decodeText(this.version, frame)
      : decodeBinary(new Uint8Array(frame));
    if (inbound === null) return this.#services.log("realtime: ignored a frame that is not a message");
    if (inbound.kind === "message" && inbound.topic === "phoenix") return this.#onPhoenix(inbound);
    if (inbound.kind === "message" && inbound.event === "phx_join") return this.#onJoin(inbound);
    const channel = this.#channels.get(inbound.topic);
    if (channel === undefined) return this.#answerUnknown(inbound);
    if (inbound.joinRef !== null && inbound.joinRef !== channel.joinRef) return;
    if (!channel.receive(inbound)) this.abort(CLOSE_CODES.tooManyRequests, "too many messages are waiting");
  }

  /** Sends a message. */
  push(envelope: Omit<Envelope, "payload">, payloadJson: string): void {
    this.send(encodeMessage(this.version, envelope, payloadJson));
  }

  /** Sends a frame, or disconnects a client that reads slower than it is sent to. */
  send(frame: string | Uint8Array): void {
    if (this.#socket.readyState !== OPEN) return;
    if (this.#socket.bufferedAmount > this.#services.limits.sendQueueBytes) {
      return this.abort(CLOSE_CODES.slowConsumer, "the client reads too slowly");
    }
    this.#socket.send(frame as string | Uint8Array<ArrayBuffer>);
  }

  /** Closes the socket from our side and forgets its channels. */
  abort(code: number, reason: string): void {
    this.#services.log(`realtime: disconnecting a client: ${reason}`);
    this.forgetChannels();
    if (this.#socket.readyState === OPEN) this.#socket.close(code, reason);
  }

  /** Takes the channels out of all registries; call when the socket is gone. */
  forgetChannels(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #onPhoenix({ ref, event, topic }: Envelope): void {
    if (event !== "heartbeat") return;
    this.push({ joinRef: null, ref, topic, event: "phx_reply" }, '{"status":"ok","response":{}}');
  }

  #onJoin({ joinRef, ref, topic, payload }: Envelope): void {
    this.#channels.get(topic)?.close();
    this.#channels.delete(topic);
    const channel = new Channel({
      connection: this,
      services: this.#services,
      topic,
      joinRef: joinRef ?? ref,
      onClosed: () => {
        if (this.#channels.get(topic) === channel) this.#channels.delete(topic);
      },
    });
    const isFull = this.#channels.size >= this.#services.limits.channelsPerSocket;
    if (!isFull) this.#channels.set(topic, channel);
    channel.join(ref, payload, isFull ? "ChannelRateLimitReached: Too many channels" : null);
  }

  #answerUnknown({ topic, joinRef, ref, ...rest }: Inbound): void {
    const isLeave = "event" in rest && rest.event === "phx_leave";
    const reply = isLeave
      ? '{"status":"ok","response":{}}'
      : '{"status":"error","response":{"reason":"unmatched topic"}}';
    this.push({ joinRef, ref, topic, event: "phx_reply" }, reply);
  }
}
