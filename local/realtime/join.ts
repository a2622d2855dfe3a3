/** The payload of a `phx_join`. Like the hosted server it never refuses a shape: what does not fit counts as absent. */
import { z } from "zod";

const flag = z.boolean().catch(false);

const Broadcast = z.object({ self: flag, ack: flag, replication_ready: flag });
const Presence = z.object({ key: z.string().catch(""), enabled: flag });
const ChangesOptions = z.object({ wait: flag });
const Config = z.object({
  private: flag,
  broadcast: Broadcast.catch(Broadcast.parse({})),
  presence: Presence.catch(Presence.parse({})),
  postgres_changes: z.array(z.looseObject({})).catch([]),
  postgres_changes_options: ChangesOptions.catch(ChangesOptions.parse({})),
});
const Join = z.object({
  access_token: z.string().optional().catch(undefined),
  config: Config.catch(Config.parse({})),
});

/** What a client asks for when it joins. */
export interface JoinRequest {
  readonly accessToken: string | null;
  readonly isPrivate: boolean;
  readonly broadcast: {
    readonly self: boolean;
    readonly ack: boolean;
    readonly announceReplication: boolean;
  };
  readonly presence: { readonly key: string; readonly enabled: boolean };
  /** Entries as sent: the reply must repeat them, since the client compares. */
  readonly postgresChanges: readonly Readonly<Record<string, unknown>>[];
  /** Answer only when the subscription to row changes stands. */
  readonly waitForChanges: boolean;
}

/** Reads a join payload. */
export function parseJoin(payload: unknown): JoinRequest {
  const { access_token, config } = Join.catch(Join.parse({})).parse(payload);
  return {
    accessToken: usableToken(access_token),
    isPrivate: config.private,
    broadcast: {
      self: config.broadcast.self,
      ack: config.broadcast.ack,
      announceReplication: config.broadcast.replication_ready,
    },
    presence: { key: config.presence.key || crypto.randomUUID(), enabled: config.presence.enabled },
    postgresChanges: config.postgres_changes,
    waitForChanges: config.postgres_changes_options.wait,
  };
}

/** API keys come where tokens are expected (realtime-js sends them); the connection already speaks for the key. */
export function usableToken(token: unknown): string | null {
  return typeof token === "string" && token !== "" && !token.startsWith("sb_") ? token : null;
}
