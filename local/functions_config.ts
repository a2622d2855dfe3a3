/** Which Edge Functions a project has and how its `config.toml` wants them served. */
import { parse } from "smol-toml";
import { z } from "zod";

/** Settings of one function; absent ones are as hosted. */
export interface FunctionConfig {
  /** A disabled function does not exist for callers. */
  readonly isEnabled: boolean;
  /** Whether the gateway demands a valid token (or API key) before the function runs. */
  readonly verifiesJwt: boolean;
  /** Environment of this function alone. */
  readonly env: Readonly<Record<string, string>>;
}

const functionTable = z.looseObject({
  enabled: z.boolean().default(true),
  verify_jwt: z.boolean().default(true),
  env: z.record(z.string(), z.string()).default({}),
});

const configFile = z.looseObject({ functions: z.record(z.string(), functionTable).default({}) });

const DEFAULT: FunctionConfig = { isEnabled: true, verifiesJwt: true, env: {} };
/** Folders whose name does not fit (`_shared`) hold code for functions, not functions. */
const SLUG = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/**
 * Reads the project's functions: every `<slug>/index.ts` of the folder, with its settings from `configPath`
 * (absent file: defaults). Throws, naming the file, when the settings cannot be understood.
 */
export async function readFunctions(
  functionsDir: string,
  configPath: string,
): Promise<ReadonlyMap<string, FunctionConfig>> {
  const settings = await readSettings(configPath);
  const functions = new Map<string, FunctionConfig>();
  for await (const entry of Deno.readDir(functionsDir)) {
    if (!entry.isDirectory || !SLUG.test(entry.name)) continue;
    if (await exists(`${functionsDir}/${entry.name}/index.ts`)) {
      functions.set(entry.name, settings.get(entry.name) ?? DEFAULT);
    }
  }
  return functions;
}

async function readSettings(path: string): Promise<ReadonlyMap<string, FunctionConfig>> {
  if (!await exists(path)) return new Map();
  const parsed = configFile.safeParse(parseToml(path, await Deno.readTextFile(path)));
  if (!parsed.success) throw new Error(`${path}: ${z.prettifyError(parsed.error)}`);
  const entries = Object.entries(parsed.data.functions).map(([slug, table]): [string, FunctionConfig] => [
    slug,
    { isEnabled: table.enabled, verifiesJwt: table.verify_jwt, env: table.env },
  ]);
  return new Map(entries);
}

function parseToml(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    throw new Error(`${path} is not valid TOML: ${(cause as Error).message}`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
