/** The environment of an Edge Function, parsed once at its edge. */
import { z } from "zod";

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
  };
}
