/**
 * The credentials of one local project: its API keys and the key that signs its users' tokens.
 * They live in the data directory, readable by their owner only, so that sessions and configured
 * clients survive a restart.
 */
import { generateApiKey } from "@supabase/lite";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { z } from "zod";

/** Roles the API can act as: `anon` and `service_role` by key, `authenticated` by a user's token. */
export type ApiRole = "anon" | "authenticated" | "service_role";

/** A private ES256 key as JSON Web Key, with the `kid` under which its public half is published. */
export interface SigningKey extends JWK {
  readonly kid: string;
}

/** The credentials of one local project. */
export interface LocalKeys {
  /** Sent by frontends in the `apikey` header; acts as `anon`. */
  readonly publishable: string;
  /** Named server keys; each acts as `service_role`. `default` and `automations` always exist. */
  readonly secrets: Readonly<Record<string, string>> & {
    readonly default: string;
    readonly automations: string;
  };
  /** Signs users' access tokens (ES256). */
  readonly signingKey: SigningKey;
}

const KEYS_FILE = "keys.json";
const OWNER_ONLY = 0o600;

const keysFile = z.object({
  publishable: z.string().startsWith("sb_publishable_"),
  secrets: z.object({ default: secretKey(), automations: secretKey() }).catchall(secretKey()),
  signingKey: z.looseObject({
    kty: z.literal("EC"),
    crv: z.literal("P-256"),
    kid: z.string(),
    d: z.string(),
  }),
});

function secretKey() {
  return z.string().startsWith("sb_secret_");
}

/**
 * Reads the credentials kept in `dataDir`, or creates and stores them on first use.
 * Throws when the stored file cannot be understood: replacing it silently would end every session.
 */
export async function loadKeys(dataDir: string): Promise<LocalKeys> {
  const path = `${dataDir}/${KEYS_FILE}`;
  const stored = await readIfPresent(path);
  if (stored !== null) return parseKeys(path, stored);
  const created = await createKeys();
  await Deno.mkdir(dataDir, { recursive: true });
  await writeOwnerOnly(path, JSON.stringify(created, null, 2));
  return created;
}

/** The role an API key stands for, or null when the project has no such key. */
export function roleOfApiKey(keys: LocalKeys, apiKey: string): "anon" | "service_role" | null {
  if (apiKey === keys.publishable) return "anon";
  return Object.values(keys.secrets).includes(apiKey) ? "service_role" : null;
}

async function createKeys(): Promise<LocalKeys> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return {
    publishable: (await generateApiKey("publishable")).key,
    secrets: {
      default: (await generateApiKey("secret")).key,
      automations: (await generateApiKey("secret")).key,
    },
    signingKey: { ...await exportJWK(privateKey), alg: "ES256", kid: crypto.randomUUID() },
  };
}

function parseKeys(path: string, text: string): LocalKeys {
  const parsed = keysFile.safeParse(parseJson(text));
  if (parsed.success) return parsed.data as LocalKeys;
  throw new Error(
    `The project's keys in ${path} cannot be read: ${z.prettifyError(parsed.error)}. ` +
      "Restore the file, or delete it to create new keys (every signed-in user must then sign in again).",
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Writes beside the target and renames, so that a crash leaves either no file or a complete one. */
async function writeOwnerOnly(path: string, text: string): Promise<void> {
  const draft = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(draft, text, { mode: OWNER_ONLY, createNew: true });
  await Deno.rename(draft, path);
}
