import type { StopRecord, StopWish } from "../domain/stop.ts";

/** The engine's commands that a stop needs, with the rights of whoever calls. */
export interface Stops {
  /** Halts by one commit. Throws `EngineError`; then nothing was halted. */
  stop(wish: StopWish): Promise<StopRecord>;
  /** How far a stop got; null when the caller sees no such stop. Throws `EngineError`. */
  progress(stopId: string): Promise<StopRecord | null>;
}
