/** The secret that ties a local data directory to its engine. */
import { join } from "node:path";

const FILE = "installation.secret";
const SECRET_BYTES = 32;

/** The installation's secret, made on first use and kept for its owner's eyes only. */
export async function loadInstallationSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, FILE);
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  const secret = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await Deno.writeTextFile(path, secret, { mode: 0o600 });
  return secret;
}
