/** Secrets of a local project that are this command's own. They stay the same from one start to the next. */
import { join } from "node:path";
import { z } from "zod";

const secrets = z.object({ metricsKey: z.string().min(16), demoPassword: z.string().min(16) });

/** Secrets of one data directory. */
export type LocalSecrets = z.infer<typeof secrets>;

const FILE = "start.json";
const OWNER_ONLY = 0o600;
const SECRET_BYTES = 16;

/** Reads the secrets kept in `dataDir`, or makes and stores them. A file that cannot be understood is replaced. */
export async function loadLocalSecrets(dataDir: string): Promise<LocalSecrets> {
  const path = join(dataDir, FILE);
  const stored = secrets.safeParse(parseJson(await Deno.readTextFile(path).catch(() => "")));
  if (stored.success) return stored.data;
  const made = { metricsKey: randomText(), demoPassword: randomText() };
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(made, null, 2), { mode: OWNER_ONLY });
  await Deno.rename(`${path}.new`, path);
  return made;
}

/** Letters and digits alone: needs no quotes in an env file. */
function randomText(): string {
  return crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).toHex();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
