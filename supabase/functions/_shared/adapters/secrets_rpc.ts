/** Keys of exchange accounts, opened by the engine for one call at a time. */
import { z } from "zod";
import type { FunctionEnvironment } from "../contracts/environment.ts";
import { openedKey } from "../contracts/venue.ts";
import type { OpenedKey } from "../domain/venue.ts";
import { EngineError } from "../ports/engine.ts";
import type { Secrets } from "../ports/secrets.ts";
import { call, connectTrading } from "./engine_rpc.ts";

/** See {@link Secrets}. */
export class SecretsRpc implements Secrets {
  readonly #client: ReturnType<typeof connectTrading>;

  constructor(environment: FunctionEnvironment) {
    this.#client = connectTrading(environment);
  }

  async open(callId: number): Promise<OpenedKey> {
    const answer = await call(this.#client, "open_key", { p_call_id: callId }, z.unknown());
    const opened = openedKey.safeParse(answer);
    // What went wrong with a key's shape is not repeated: it could hold a part of it.
    if (!opened.success) {
      throw new EngineError("FB423", "key_unavailable", "the key is not of the shape that is stored");
    }
    return opened.data;
  }
}
