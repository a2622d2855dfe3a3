/** LISTEN that outlives the connection: after a restart of the database it subscribes again by itself. */
import postgres from "postgres";

/** What to do with what arrives. */
export interface ListenerHandlers {
  /** Subscribed, for the first time or again. Notices sent in between are lost: look for what they announced. */
  onListening(): void;
  /** A notice, with its payload. */
  onNotice(payload: string): void;
}

/** A subscription. */
export interface Listener {
  /** Resolves once the first subscription holds. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

const RECONNECT_DELAY_MS = 50;
const END_TIMEOUT_S = 1;

/** Listens on one channel until stopped. */
export function listen(url: string, name: string, channel: string, handlers: ListenerHandlers): Listener {
  const first = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  let isStopped = false;

  async function subscribeOnce(): Promise<void> {
    const closed = Promise.withResolvers<void>();
    // The driver offers `onnotify` without declaring it. Its own `listen` gives up when one reconnect fails.
    const options = {
      max: 1,
      max_lifetime: null,
      fetch_types: false,
      connection: { application_name: name },
      onclose: () => closed.resolve(),
      onnotify: (_channel: string, payload: string) => handlers.onNotice(payload),
    };
    const client = postgres(url, options as postgres.Options<Record<string, never>>);
    try {
      await client.unsafe(`listen "${channel}"`);
      first.resolve();
      handlers.onListening();
      await Promise.race([closed.promise, stopped.promise]);
    } finally {
      await client.end({ timeout: END_TIMEOUT_S });
    }
  }

  const running = (async () => {
    while (!isStopped) {
      await subscribeOnce().catch(() => {});
      if (!isStopped) await new Promise((resolve) => setTimeout(resolve, RECONNECT_DELAY_MS));
    }
  })();

  return {
    ready: first.promise,
    async stop() {
      isStopped = true;
      stopped.resolve();
      await running;
    },
  };
}
