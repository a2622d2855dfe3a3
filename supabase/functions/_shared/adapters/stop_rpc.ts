/** The stop's commands over the Data API, in the name of whoever calls: the database alone judges their rights. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { stopRecord } from "../contracts/stop.ts";
import type { StopRecord, StopWish } from "../domain/stop.ts";
import type { Stops } from "../ports/stops.ts";
import { CALL_DEADLINE_MS, engineErrorOf } from "./engine_rpc.ts";

/** The credential of a request, handed on as it came. */
export interface Caller {
  readonly key: string;
  /** A person's access token; absent when `key` is a secret one. */
  readonly token: string | undefined;
}

/** See {@link Stops}. */
export class StopRpc implements Stops {
  readonly #client: SupabaseClient;

  constructor(url: string, caller: Caller) {
    this.#client = createClient(url, caller.key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      ...(caller.token === undefined
        ? {}
        : { global: { headers: { Authorization: `Bearer ${caller.token}` } } }),
    });
  }

  async stop({ scope, id, mode, reason, requestId }: StopWish): Promise<StopRecord> {
    const { data, error, status } = await this.#client.rpc("stop_trading", {
      p_scope: scope,
      p_id: id,
      p_mode: mode,
      p_reason: reason,
      ...(requestId === null ? {} : { p_request_id: requestId }),
    }).abortSignal(AbortSignal.timeout(CALL_DEADLINE_MS));
    if (error) throw engineErrorOf(error, status);
    return stopRecord.parse(data);
  }

  async progress(stopId: string): Promise<StopRecord | null> {
    const { data, error, status } = await this.#client.rpc("read_stops", { p_stop_id: stopId })
      .abortSignal(AbortSignal.timeout(CALL_DEADLINE_MS)).maybeSingle();
    if (error) throw engineErrorOf(error, status);
    return data === null ? null : stopRecord.parse(data);
  }
}
