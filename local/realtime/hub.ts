/** Who listens to which topic, and the fan-out of broadcasts to them. */
import { type Broadcast, encodeBroadcast, type Version } from "./protocol.ts";

/** A joined channel as the hub sees it. */
export interface Subscriber {
  readonly version: Version;
  /** Topic as on the wire, `realtime:<name>`. */
  readonly wireTopic: string;
  deliver(frame: string | Uint8Array): void;
}

/** A public and a private topic of the same name are different topics. */
export interface TopicKey {
  readonly name: string;
  readonly isPrivate: boolean;
}

/** Registry of joined channels by topic. */
export class Hub {
  readonly #topics = new Map<string, Set<Subscriber>>();

  subscribe(topic: TopicKey, subscriber: Subscriber): void {
    const key = keyOf(topic);
    const subscribers = this.#topics.get(key) ?? new Set();
    this.#topics.set(key, subscribers.add(subscriber));
  }

  unsubscribe(topic: TopicKey, subscriber: Subscriber): void {
    const key = keyOf(topic);
    const subscribers = this.#topics.get(key);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.#topics.delete(key);
  }

  /** Delivers to all subscribers of the topic except the given one; a frame is encoded once per version. */
  publish(topic: TopicKey, broadcast: Broadcast, except?: Subscriber): void {
    const subscribers = this.#topics.get(keyOf(topic));
    if (subscribers === undefined) return;
    const frames = new Map<Version, string | Uint8Array | null>();
    for (const subscriber of subscribers) {
      if (subscriber === except) continue;
      const { version, wireTopic } = subscriber;
      if (!frames.has(version)) frames.set(version, encodeBroadcast(version, wireTopic, broadcast));
      const frame = frames.get(version);
      if (frame !== null && frame !== undefined) subscriber.deliver(frame);
    }
  }
}

/** Text that is equal for equal topics. */
export function keyOf({ name, isPrivate }: TopicKey): string {
  return `${isPrivate ? "private" : "public"}:${name}`;
}
