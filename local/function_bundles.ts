/**
 * Edge Functions as local workers run them: the file that is deployed, and beside it the map to its sources. A bundle
 * is kept on disk for as long as nothing that it was made of has changed.
 */
import { fileURLToPath } from "node:url";
import { bundleModule } from "./bundle.ts";

/** What a file looked like: modification time (ms since the epoch) and size; null: not as it was read. */
type Look = readonly [mtimeMs: number, bytes: number] | null;

/** What a bundle was made of. */
interface Making {
  readonly entry: string;
  readonly inputs: readonly (readonly [path: string, look: Look])[];
}

/** Begins the line of a bundle that says what it was made of. In the same file, so that the two cannot be of two makings. */
const MAKING_MARK = "\n// made of ";
const OWN_CODE = fileURLToPath(import.meta.url);
/** Times of files are rounded down to the system's tick. */
const TICK_MS = 20;

/** Bundles functions into a directory, which several processes may share. */
export class FunctionBundles {
  constructor(private readonly directory: string) {}

  /**
   * Path of the up-to-date bundle of a function; `entry` is the absolute path of its `index.ts`. Throws with the
   * bundler's words when it cannot be made.
   */
  async pathOf(slug: string, entry: string): Promise<string> {
    const path = `${this.directory}/${slug}.mjs`;
    if (await isUpToDate(path, entry)) return path;
    await this.#make(path, entry);
    await prepare(path);
    return path;
  }

  async #make(path: string, entry: string): Promise<void> {
    const startedAt = Date.now();
    const { code, map, inputs } = await bundleModule(entry, path);
    const looks = [...inputs, OWN_CODE].map((input) => [input, lookAt(input, startedAt)] as const);
    const making: Making = { entry, inputs: looks };
    await Deno.mkdir(this.directory, { recursive: true });
    await writeWhole(`${path}.map`, map);
    await writeWhole(path, `${code}${MAKING_MARK}${JSON.stringify(making)}\n`);
  }
}

async function isUpToDate(path: string, entry: string): Promise<boolean> {
  const making = readMaking(await Deno.readTextFile(path).catch(() => ""));
  return making !== null && making.entry === entry &&
    making.inputs.every(([input, look]) => look !== null && isSame(look, lookAt(input)));
}

function readMaking(code: string): Making | null {
  const at = code.lastIndexOf(MAKING_MARK);
  if (at < 0) return null;
  const start = at + MAKING_MARK.length;
  return JSON.parse(code.slice(start, code.indexOf("\n", start))) as Making;
}

function isSame(a: Look, b: Look): boolean {
  return a !== null && b !== null && a[0] === b[0] && a[1] === b[1];
}

/** What a file looks like. Null: it is gone, or was changed after `readFrom` and what was read is anybody's guess. */
function lookAt(path: string, readFrom = Infinity): Look {
  try {
    const { mtime, size } = Deno.statSync(path);
    return mtime === null || mtime.getTime() > readFrom - TICK_MS ? null : [mtime.getTime(), size];
  } catch {
    return null;
  }
}

/** Whoever reads the file meanwhile sees the old one or the new one. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, text);
  await Deno.rename(temporary, path);
}

/**
 * Has a process of its own parse the bundle, the outcome of which the runtime keeps for all later ones: parsing takes
 * 45 MB that a worker would not give back. Only memory depends on it, so a failure is nobody's concern.
 */
async function prepare(path: string): Promise<void> {
  await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "--no-config", path],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
}
