/** The environment of an Edge Function, parsed once at its edge. */
import { z } from "zod";
import { VENUE_ENVIRONMENTS, type VenueEnvironment } from "../domain/venue_call.ts";

const keyMap = z.string().transform((text, context): Record<string, string> => {
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: "custom", message: "is not a JSON object of key names to keys" });
    return z.NEVER;
  }
});

const environment = z.object({
  SUPABASE_URL: z.url(),
  SUPABASE_SECRET_KEYS: keyMap,
  SUPABASE_PUBLISHABLE_KEYS: keyMap.optional(),
  SUPABASE_DB_URL: z.string().min(1),
  FILLBASE_INSTALLATION_SECRET: z.string().min(32).optional(),
  SB_REGION: z.string().optional(),
});

/** What our functions need of their environment. */
export interface FunctionEnvironment {
  readonly url: string;
  readonly secretKeys: Readonly<Record<string, string>>;
  /** By name, as the secret ones; they give no rights, but calls in a user's name carry one. */
  readonly publishableKeys?: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  /** Absent on an installation nobody has armed: the engine then refuses to work and says so. */
  readonly installationSecret: string;
  /** Where this invocation runs, in Supabase's names of regions. */
  readonly region?: string;
}

/** Parses the environment; throws with the names of what is missing or malformed, never with values. */
export function parseEnvironment(env: Record<string, string | undefined>): FunctionEnvironment {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    const names = parsed.error.issues.map((issue) => issue.path.join(".")).join(", ");
    throw new Error(`the function's environment is incomplete or malformed: ${names}`);
  }
  return {
    url: parsed.data.SUPABASE_URL.replace(/\/+$/, ""),
    secretKeys: parsed.data.SUPABASE_SECRET_KEYS,
    publishableKeys: parsed.data.SUPABASE_PUBLISHABLE_KEYS ?? {},
    databaseUrl: parsed.data.SUPABASE_DB_URL,
    installationSecret: parsed.data.FILLBASE_INSTALLATION_SECRET ?? "",
    ...parsed.data.SB_REGION !== undefined && { region: parsed.data.SB_REGION },
  };
}

/** Base URL of a Binance API or of something that stands in for it: http or https, with a path at most. */
const baseUrl = z.string().refine(isPlainUrl).transform((text) => text.replace(/\/+$/, ""));

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && [search, hash, username, password].every((part) => part === "");
}

/** Where each environment is, unless its variable says otherwise. */
const VENUE_URLS: Readonly<Record<VenueEnvironment, readonly [variable: string, url: string]>> = {
  simulator: ["BINANCE_SIMULATOR_URL", "http://127.0.0.1:54380"],
  testnet: ["BINANCE_TESTNET_URL", "https://testnet.binance.vision"],
  demo: ["BINANCE_DEMO_URL", "https://demo-api.binance.com"],
  production: ["BINANCE_PRODUCTION_URL", "https://api.binance.com"],
};

/** The variable that says where an environment is. */
export function venueUrlVariable(environment: VenueEnvironment): string {
  return VENUE_URLS[environment][0];
}

/**
 * Where orders go, by the account's environment; without a slash at the end. All are looked at, so that a malformed one
 * shows at once. Throws with names, never with values.
 */
export function parseVenueUrls(env: Record<string, string | undefined>): Record<VenueEnvironment, string> {
  const parsed = VENUE_ENVIRONMENTS.map((environment) => {
    const [variable, url] = VENUE_URLS[environment];
    return { environment, variable, url: baseUrl.safeParse(env[variable] ?? url) };
  });
  const malformed = parsed.filter(({ url }) => !url.success).map(({ variable }) => variable);
  if (malformed.length > 0) {
    throw new Error(`the venue's address is not an http(s) URL without parameters: ${malformed.join(", ")}`);
  }
  return Object.fromEntries(parsed.map(({ environment, url }) => [environment, url.data])) as Record<
    VenueEnvironment,
    string
  >;
}
