/** Presence: which keys are on a topic, with the metadata each of their channels tracks. */
import { keyOf, type TopicKey } from "./hub.ts";

/** A channel that hears of presence. */
export interface PresenceListener {
  /** Payload of a `presence_diff` as JSON text. */
  presenceDiff(payloadJson: string): void;
}

type Meta = Readonly<Record<string, unknown>> & { readonly phx_ref: string };
type Metas = Record<string, { metas: Meta[] }>;

interface Topic {
  readonly listeners: Set<PresenceListener>;
  /** Metadata by the channel that tracks it. */
  readonly tracked: Map<object, { readonly key: string; readonly meta: Meta }>;
}

/** Presence state of all topics. */
export class PresenceBoard {
  readonly #topics = new Map<string, Topic>();
  #lastRef = 0;

  listen(topic: TopicKey, listener: PresenceListener): void {
    this.#topic(topic).listeners.add(listener);
  }

  /** The state of a topic: payload of `presence_state`. */
  state(topic: TopicKey): Metas {
    const state: Metas = {};
    for (const { key, meta } of this.#topic(topic).tracked.values()) {
      (state[key] ??= { metas: [] }).metas.push(meta);
    }
    return state;
  }

  /** Sets what a channel shows under its key; the second time it replaces the first. */
  track(topic: TopicKey, channel: object, key: string, metadata: Readonly<Record<string, unknown>>): void {
    const { tracked } = this.#topic(topic);
    const previous = tracked.get(channel);
    const meta = {
      ...metadata,
      phx_ref: `local-${++this.#lastRef}`,
      ...(previous === undefined ? {} : { phx_ref_prev: previous.meta.phx_ref }),
    };
    tracked.set(channel, { key, meta });
    this.#announce(
      topic,
      { [key]: { metas: [meta] } },
      previous ? { [key]: { metas: [previous.meta] } } : {},
    );
  }

  /** Takes a channel's metadata back. */
  untrack(topic: TopicKey, channel: object): void {
    const entry = this.#topic(topic).tracked.get(channel);
    if (entry !== undefined) {
      this.#topic(topic).tracked.delete(channel);
      this.#announce(topic, {}, { [entry.key]: { metas: [entry.meta] } });
    }
    this.#forgetIfEmpty(topic);
  }

  /** Forgets a channel altogether. */
  leave(topic: TopicKey, channel: PresenceListener): void {
    this.#topic(topic).listeners.delete(channel);
    this.untrack(topic, channel);
  }

  #announce(topic: TopicKey, joins: Metas, leaves: Metas): void {
    const payload = JSON.stringify({ joins, leaves });
    for (const listener of this.#topic(topic).listeners) listener.presenceDiff(payload);
  }

  #topic(topic: TopicKey): Topic {
    const key = keyOf(topic);
    const known = this.#topics.get(key) ?? { listeners: new Set(), tracked: new Map() };
    this.#topics.set(key, known);
    return known;
  }

  #forgetIfEmpty(topic: TopicKey): void {
    const { listeners, tracked } = this.#topic(topic);
    if (listeners.size === 0 && tracked.size === 0) this.#topics.delete(keyOf(topic));
  }
}
