/** The file that tells other programs where the stack is and how to get in. */
import { basename, dirname, join } from "node:path";
import { UsageError } from "./options.ts";

/** What the file holds, by the names under which other programs look for it. */
export interface Environment {
  readonly SUPABASE_URL: string;
  readonly SUPABASE_PUBLISHABLE_KEY: string;
  readonly SUPABASE_SECRET_KEY: string;
  readonly SUPABASE_DB_URL: string;
  readonly METRICS_KEY: string;
  /** Empty without the demo, like the password. */
  readonly DEMO_EMAIL: string;
  readonly DEMO_PASSWORD: string;
}

const NAMES: ReadonlySet<string> = new Set(
  [
    "SUPABASE_URL",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_DB_URL",
    "METRICS_KEY",
    "DEMO_EMAIL",
    "DEMO_PASSWORD",
  ] satisfies (keyof Environment)[],
);

const OWNER_ONLY = 0o600;

/**
 * The file while the stack runs: there exactly as long as what it says is true. Whoever waits for it may read it the
 * moment it appears.
 */
export class EnvFile {
  private constructor(private readonly path: string) {}

  /**
   * Takes the path over: a file of an earlier run goes, so that nobody connects to a stack that is not there yet.
   * Throws a `UsageError` when something else lies at the path or nothing can be written there.
   */
  static async claim(path: string): Promise<EnvFile> {
    const target = await Deno.realPath(path).catch(() => path);
    await refuseForeign(target);
    const file = new EnvFile(target);
    try {
      await Deno.writeTextFile(file.#draft, "", { mode: OWNER_ONLY });
      await file.remove();
    } catch (error) {
      throw new UsageError(
        `--env-file ${path} cannot be written (${
          reasonOf(error)
        }). Name a file in a folder that you may write to.`,
      );
    }
    return file;
  }

  /** Writes the whole file or none of it. */
  async write(environment: Environment): Promise<void> {
    const text = Object.entries(environment).map(([name, value]) => `${name}=${value}\n`).join("");
    await Deno.writeTextFile(this.#draft, text, { mode: OWNER_ONLY });
    await Deno.rename(this.#draft, this.path);
  }

  async remove(): Promise<void> {
    for (const path of [this.#draft, this.path]) await Deno.remove(path).catch(ignoreNotFound);
  }

  get #draft(): string {
    return join(dirname(this.path), `.${basename(this.path)}.draft`);
  }
}

/** Only an empty file, or one that looks like ours, is ours to replace; never a device or somebody's settings. */
async function refuseForeign(path: string): Promise<void> {
  const found = await Deno.stat(path).catch(() => null);
  if (found === null) return;
  const isOurs = found.isFile && (await Deno.readTextFile(path).catch(() => "?")).split("\n")
    .every((line) => line === "" || NAMES.has(line.split("=", 1)[0]!));
  if (isOurs) return;
  throw new UsageError(
    `--env-file ${path} is there already and holds something else. Name a file of its own, or remove that one.`,
  );
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function reasonOf(error: unknown): string {
  return error instanceof Deno.errors.NotFound
    ? "its folder does not exist"
    : error instanceof Deno.errors.PermissionDenied
    ? "not allowed"
    : error instanceof Error
    ? error.message.replace(/, \w+ '.*$/, "")
    : String(error);
}
