/** What every channel of a server shares. */
import type postgres from "postgres";
import type { ChangeRouter } from "./changes.ts";
import type { Hub } from "./hub.ts";
import type { VerifyToken } from "./identity.ts";
import type { Limits } from "./limits.ts";
import type { PresenceBoard } from "./presence.ts";
import type { WalReader } from "./wal.ts";

/** Ports and shared state of the server. */
export interface Services {
  /** Superuser pool for questions about rights. */
  readonly sql: postgres.Sql;
  readonly hub: Hub;
  readonly presence: PresenceBoard;
  readonly changes: ChangeRouter;
  readonly wal: WalReader;
  readonly verifyToken: VerifyToken;
  readonly limits: Limits;
  readonly log: (line: string) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
