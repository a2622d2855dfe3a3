/** A whole stack for one run: demo, benchmark or test. Nothing of it outlives `stop`. */
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { type Stack, startStack } from "../../local/stack.ts";
import { makeFastTempDir } from "../../tests/harness/temp_dir.ts";
import { pushMigrations } from "./supabase_cli.ts";

/** How a throw-away stack differs from the default. */
export interface ThrowawayOptions {
  /** Default: fast; benchmarks measure what durability costs and take full. */
  readonly durability?: "full" | "fast";
  readonly prewarm?: readonly string[];
  /** Variables of the Edge Functions: where an exchange is, for one. */
  readonly env?: Readonly<Record<string, string>>;
  readonly log?: (line: string) => void;
}

/** A stack, and clients of it. */
export interface ThrowawayStack extends Stack {
  /** The service role's client, as the AI's backend holds it. */
  readonly service: SupabaseClient;
  /** A client with the publishable key and nobody signed in. */
  anonymous(): SupabaseClient;
  /** A client signed in as a seeded user. */
  signIn(email: string, password: string): Promise<SupabaseClient>;
}

const NO_SESSION = { auth: { persistSession: false, autoRefreshToken: false } };

/** Starts a stack in a directory of its own; `stop` removes it. */
export async function startThrowawayStack(options: ThrowawayOptions = {}): Promise<ThrowawayStack> {
  const isDurable = options.durability === "full";
  const dataDir = isDurable
    ? await Deno.makeTempDir({ prefix: "fillbase-" })
    : await makeFastTempDir("fillbase-");
  const stack = await startStack({
    dataDir,
    port: 0,
    durability: options.durability ?? "fast",
    prewarm: options.prewarm ?? ["execute-trade"],
    env: options.env ?? {},
    applyMigrations: (url) => pushMigrations(url),
    log: options.log ?? (() => {}),
  });
  const anonymous = () => createClient(stack.url, stack.publishableKey, NO_SESSION);
  return {
    ...stack,
    service: createClient(stack.url, stack.secretKey, NO_SESSION),
    anonymous,
    async signIn(email, password) {
      const client = anonymous();
      const { error } = await client.auth.signInWithPassword({ email, password });
      if (error) throw error;
      await client.realtime.setAuth();
      return client;
    },
    async stop() {
      await stack.stop();
      await Deno.remove(dataDir, { recursive: true }).catch(() => {});
    },
  };
}
