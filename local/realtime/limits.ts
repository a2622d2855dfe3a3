/** Bounds of the Realtime server. Sizes are in bytes, times in milliseconds. */
export interface Limits {
  /** Unsent bytes a socket may hold; a consumer that is slower than that is disconnected. */
  readonly sendQueueBytes: number;
  /** Messages of one socket that may wait behind a slow one (a join, a first broadcast); more disconnects it. */
  readonly receiveQueueMessages: number;
  /** Payload of one broadcast. The smallest hosted plan's limit, so that what passes here passes everywhere. */
  readonly broadcastBytes: number;
  /** Channels one socket may join. */
  readonly channelsPerSocket: number;
  /** Row changes that may wait for their row level security verdicts; more are dropped, as on hosted. */
  readonly pendingChanges: number;
  /** Row changes judged in one round trip. */
  readonly changesPerBatch: number;
  /** Longest time between two checks of a channel's token. */
  readonly tokenRecheckMs: number;
  /**
   * Pause before a refused join is answered, against clients that hammer. The hosted server waits 5,000 ms; the
   * local one hardly, so that tests of refusals are fast.
   */
  readonly joinErrorDelayMs: number;
}

/** The limits in force unless the caller says otherwise. */
export const DEFAULT_LIMITS: Limits = {
  sendQueueBytes: 8 * 1024 * 1024,
  receiveQueueMessages: 10_000,
  broadcastBytes: 256_500,
  channelsPerSocket: 100,
  pendingChanges: 10_000,
  changesPerBatch: 64,
  tokenRecheckMs: 300_000,
  joinErrorDelayMs: 20,
};
