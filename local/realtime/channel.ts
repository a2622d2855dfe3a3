/** One joined topic of one client: its rights, its token, and what it sends and receives. */
import { AccessError, type Extension, readRights, writeRight } from "./access.ts";
import type { ChangeSubscription, InterestProblem } from "./changes.ts";
import type { Connection } from "./connection.ts";
import { type ChangeInterest, parseInterest } from "./filters.ts";
import type { Subscriber, TopicKey } from "./hub.ts";
import { identify, type Identity } from "./identity.ts";
import { type JoinRequest, parseJoin, usableToken } from "./join.ts";
import type { PresenceListener } from "./presence.ts";
import { type Broadcast, broadcastOf, type Inbound, payloadBytes, type Version } from "./protocol.ts";
import type { Services } from "./services.ts";

/** Where a channel belongs. */
export interface ChannelContext {
  readonly connection: Connection;
  readonly services: Services;
  /** `realtime:<name>` */
  readonly topic: string;
  readonly joinRef: string | null;
  readonly onClosed: () => void;
}

const TOPIC_PREFIX = "realtime:";
const REPLICATION_READY_TIMEOUT_MS = 10_000;

/** Ids of change interests; unique in the process, since a client may join the same interest twice. */
let lastInterestId = 0;

/** A channel from its join to its end. */
export class Channel implements Subscriber, PresenceListener {
  readonly wireTopic: string;
  readonly joinRef: string | null;
  readonly #context: ChannelContext;
  #request: JoinRequest = parseJoin({});
  #identity: Identity;
  #reads: ReadonlySet<Extension> = new Set();
  #writes = new Map<Extension, boolean>();
  #changes: ChangeSubscription | null = null;
  #isClosed = false;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #tokenTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(context: ChannelContext) {
    this.#context = context;
    this.wireTopic = context.topic;
    this.joinRef = context.joinRef;
    this.#identity = context.connection.identity;
  }

  get version(): Version {
    return this.#context.connection.version;
  }

  /** Joins, or answers why not; `refusal` is a reason known beforehand. */
  join(ref: string | null, payload: unknown, refusal: string | null): void {
    this.#enqueue(async () => {
      this.#request = parseJoin(payload);
      const reason = refusal ?? await this.#admit();
      if (this.#isClosed) return;
      if (reason !== null) return await this.#refuse(ref, reason);
      await this.#enter(ref);
    });
  }

  /** Takes a message of the client; false when too many are waiting. */
  receive(inbound: Inbound): boolean {
    if (this.#waiting >= this.#services.limits.receiveQueueMessages) return false;
    this.#enqueue(() => this.#handle(inbound));
    return true;
  }

  deliver(frame: string | Uint8Array): void {
    if (!this.#request.isPrivate || this.#reads.has("broadcast")) this.#context.connection.send(frame);
  }

  presenceDiff(payloadJson: string): void {
    if (!this.#request.isPrivate || this.#reads.has("presence")) this.#push("presence_diff", payloadJson);
  }

  /** Ends the channel without a word. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#tokenTimer);
    const { hub, presence, changes } = this.#services;
    hub.unsubscribe(this.#key, this);
    presence.leave(this.#key, this);
    if (this.#changes !== null) changes.remove(this.#changes);
    this.#context.onClosed();
  }

  get #services(): Services {
    return this.#context.services;
  }

  get #name(): string {
    return this.wireTopic.slice(TOPIC_PREFIX.length);
  }

  get #key(): TopicKey {
    return { name: this.#name, isPrivate: this.#request.isPrivate };
  }

  #enqueue(task: () => Promise<void> | void): void {
    this.#waiting++;
    this.#work = this.#work.then(() => this.#isClosed ? undefined : task()).catch((error: Error) => {
      this.#services.log(`realtime: ${this.wireTopic}: ${error.message}`);
    }).finally(() => this.#waiting--);
  }

  /** Establishes identity and rights; a text refuses the join. */
  async #admit(): Promise<string | null> {
    if (!this.wireTopic.startsWith(TOPIC_PREFIX) || this.#name === "") {
      return "TopicNameRequired: You must provide a topic name";
    }
    const refusal = await this.#adopt(this.#request.accessToken);
    if (refusal !== null || !this.#request.isPrivate) return refusal;
    return await this.#loadRights();
  }

  /** Takes on the caller of a token, or of the connection's key without one; a text refuses it. */
  async #adopt(token: string | null): Promise<string | null> {
    if (token === null) {
      this.#identity = this.#context.connection.identity;
    } else {
      const result = await identify(token, this.#services.verifyToken, this.#services.now());
      if ("refusal" in result) return `${result.refusal.code}: ${result.refusal.message}`;
      this.#identity = result.identity;
    }
    this.#watchToken();
    return null;
  }

  async #loadRights(): Promise<string | null> {
    const extensions: Extension[] = this.#request.presence.enabled
      ? ["broadcast", "presence"]
      : ["broadcast"];
    this.#writes.clear();
    try {
      this.#reads = await readRights(this.#services.sql, this.#name, this.#identity, extensions);
    } catch (error) {
      if (!(error instanceof AccessError)) throw error;
      this.#services.log(`realtime: ${this.wireTopic}: ${(error.cause as Error).message}`);
      return error.message;
    }
    if (this.#reads.size > 0) return null;
    return `Unauthorized: You do not have permissions to read from this Channel topic: ${this.#name}`;
  }

  async #refuse(ref: string | null, reason: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#services.limits.joinErrorDelayMs));
    this.#reply(ref, "error", { reason });
    this.close();
  }

  async #enter(ref: string | null): Promise<void> {
    const parsed = this.#request.postgresChanges.map((entry) => ({ entry, interest: parseInterest(entry) }));
    const interests = parsed.map(({ entry, interest }) => ({ id: ++lastInterestId, entry, interest }));
    const checking = this.#checkInterests(interests.map(({ interest }) => interest));
    const problem = this.#request.waitForChanges ? await checking : null;
    if (this.#isClosed) return;
    if (problem !== null) return await this.#refuse(ref, `RealtimeDisabledForConfiguration: ${problem.text}`);
    this.#subscribe(interests);
    this.#reply(ref, "ok", { postgres_changes: interests.map(({ id, entry }) => ({ ...entry, id })) });
    if (this.#request.presence.enabled) this.#pushPresenceState();
    if (this.#request.broadcast.announceReplication) this.#announceReplication();
    if (interests.length > 0) this.#reportSubscription(await checking);
  }

  #subscribe(interests: readonly { id: number; interest: ChangeInterest | string }[]): void {
    const { hub, presence, changes } = this.#services;
    hub.subscribe(this.#key, this);
    if (this.#request.presence.enabled) presence.listen(this.#key, this);
    const valid = interests.filter((one): one is { id: number; interest: ChangeInterest } =>
      typeof one.interest !== "string"
    );
    if (valid.length === 0) return;
    this.#changes = {
      identity: this.#identity,
      interests: valid,
      deliver: (payloadJson) => this.#push("postgres_changes", payloadJson),
    };
    changes.add(this.#changes);
  }

  async #checkInterests(interests: readonly (ChangeInterest | string)[]): Promise<InterestProblem | null> {
    for (const interest of interests) {
      const problem = typeof interest === "string"
        ? { text: interest, isFinal: true }
        : await this.#services.changes.check(interest, this.#identity);
      if (problem !== null) return problem;
    }
    return null;
  }

  #reportSubscription(problem: InterestProblem | null): void {
    if (problem === null) return this.#system("postgres_changes", "ok", "Subscribed to PostgreSQL");
    if (problem.isFinal && this.#changes !== null) this.#services.changes.remove(this.#changes);
    this.#system("postgres_changes", "error", problem.text);
  }

  async #announceReplication(): Promise<void> {
    const isStreaming = await this.#services.wal.streaming(REPLICATION_READY_TIMEOUT_MS);
    if (this.#isClosed) return;
    if (isStreaming) this.#system("system", "ok", "Replication connection established");
    else this.#shutDown("Replication connection was not established in time");
  }

  async #handle(inbound: Inbound): Promise<void> {
    if (inbound.kind === "broadcast") return await this.#onBroadcast(inbound.ref, inbound.broadcast);
    const { event, ref, payload } = inbound;
    if (event === "phx_leave") {
      this.#reply(ref, "ok", {});
      this.close();
    } else if (event === "broadcast") {
      const broadcast = broadcastOf(payload);
      if (broadcast !== null) await this.#onBroadcast(ref, broadcast);
    } else if (event === "presence") await this.#onPresence(ref, payload);
    else if (event === "access_token") await this.#onToken(payload);
  }

  /** A broadcast without the right to write is ignored without an answer, even where one was asked for. */
  async #onBroadcast(ref: string | null, broadcast: Broadcast): Promise<void> {
    if (!await this.#mayWrite("broadcast")) return;
    const { self, ack } = this.#request.broadcast;
    const isTooLarge = payloadBytes(broadcast) > this.#services.limits.broadcastBytes;
    if (!isTooLarge) this.#services.hub.publish(this.#key, broadcast, self ? undefined : this);
    if (!ack) return;
    if (isTooLarge) this.#reply(ref, "error", { reason: "payload_size_exceeded" });
    else this.#reply(ref, "ok", {});
  }

  async #onPresence(ref: string | null, payload: unknown): Promise<void> {
    const { event, payload: metadata } = (payload ?? {}) as Record<string, unknown>;
    const action = String(event).toLowerCase();
    const { presence } = this.#services;
    if (action === "untrack") {
      presence.untrack(this.#key, this);
      return this.#reply(ref, "ok", {});
    }
    if (action !== "track" || !await this.#mayWrite("presence")) return this.#reply(ref, "error", {});
    if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
      return this.#reply(ref, "error", { reason: "Presence track payload must be a map" });
    }
    presence.track(this.#key, this, this.#request.presence.key, metadata as Record<string, unknown>);
    this.#reply(ref, "ok", {});
  }

  async #mayWrite(extension: Extension): Promise<boolean> {
    if (!this.#request.isPrivate) return true;
    const known = this.#writes.get(extension);
    if (known !== undefined) return known;
    const isAllowed = await writeRight(this.#services.sql, this.#name, this.#identity, extension);
    this.#writes.set(extension, isAllowed);
    return isAllowed;
  }

  /** A new token: rights are asked again, and a read right that is gone ends the channel. */
  async #onToken(payload: unknown): Promise<void> {
    const token = usableToken((payload as Record<string, unknown> | null)?.access_token);
    if (token === null || token === this.#identity.token) return;
    const before = this.#reads;
    const refusal = await this.#adopt(token);
    if (refusal !== null) return this.#shutDown(withoutCode(refusal));
    if (this.#request.isPrivate) {
      const problem = await this.#loadRights();
      if (problem !== null && !problem.startsWith("Unauthorized")) {
        return this.#shutDown(withoutCode(problem));
      }
      if (problem !== null || [...before].some((right) => !this.#reads.has(right))) {
        return this.#shutDown(`You no longer have permission to read from this Channel topic: ${this.#name}`);
      }
    }
    if (this.#changes !== null) this.#changes.identity = this.#identity;
  }

  #watchToken(): void {
    clearTimeout(this.#tokenTimer);
    const { expiresAt, token } = this.#identity;
    if (this.#isClosed || expiresAt === null || token === null) return;
    const { limits, now } = this.#services;
    const delay = Math.max(0, Math.min(limits.tokenRecheckMs, expiresAt - now()));
    this.#tokenTimer = setTimeout(() => this.#enqueue(() => this.#recheckToken(token)), delay);
  }

  async #recheckToken(token: string): Promise<void> {
    if (token !== this.#identity.token) return;
    const refusal = await this.#adopt(token);
    if (refusal !== null) this.#shutDown(withoutCode(refusal));
  }

  #pushPresenceState(): void {
    if (this.#request.isPrivate && !this.#reads.has("presence")) return;
    this.#push("presence_state", JSON.stringify(this.#services.presence.state(this.#key)));
  }

  #shutDown(message: string): void {
    this.#system("system", "error", message);
    const { connection } = this.#context;
    connection.push(
      { joinRef: this.joinRef, ref: this.joinRef, topic: this.wireTopic, event: "phx_close" },
      "{}",
    );
    this.close();
  }

  #system(extension: "system" | "postgres_changes", status: "ok" | "error", message: string): void {
    this.#push("system", JSON.stringify({ extension, status, message, channel: this.#name }));
  }

  #reply(ref: string | null, status: "ok" | "error", response: object): void {
    const envelope = { joinRef: this.joinRef, ref, topic: this.wireTopic, event: "phx_reply" };
    this.#context.connection.push(envelope, JSON.stringify({ status, response }));
  }

  #push(event: string, payloadJson: string): void {
    this.#context.connection.push(
      { joinRef: this.joinRef, ref: null, topic: this.wireTopic, event },
      payloadJson,
    );
  }
}

/** A refused join is answered `Code: text`, a channel that ends only with the text. */
function withoutCode(reason: string): string {
  return reason.replace(/^\w+: /, "");
}
