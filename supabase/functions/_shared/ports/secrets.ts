import type { OpenedKey } from "../domain/venue.ts";

/** Where keys of exchange accounts come from. */
export interface Secrets {
  /**
   * Opens the key for one call that has its permit; each opening is audited. Throws `EngineError`: FB423
   * `key_unavailable` when there is none, FB409 `call_over` when the call's time is over.
   */
  open(callId: number): Promise<OpenedKey>;
}
