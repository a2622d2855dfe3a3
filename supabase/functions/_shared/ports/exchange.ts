import type { VenueEnvironment } from "../domain/venue_call.ts";
import type { Secrets } from "./secrets.ts";
import type { Venue } from "./venue.ts";

/** What a worker needs to speak to exchanges. */
export interface Exchange {
  readonly venueOf: (environment: VenueEnvironment) => Venue;
  readonly secrets: Secrets;
  /** Milliseconds by the monotonic clock that the venues go by as well. */
  readonly monotonicMs: () => number;
  /** Ends early where `signal` is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}
