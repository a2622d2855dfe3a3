import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** Recorded market data, a folder beside the project. Tests that need it are skipped where it is absent. */
const DATA = fileURLToPath(new URL("../../../shared/data/", import.meta.url));

/** The path of a recorded file, whether or not it exists. */
export function recordedPath(name: string): string {
  return join(DATA, name);
}

/** Defines a test that reads recorded files; without them it is ignored and its name says why. */
export function testWithRecorded(name: string, files: readonly string[], fn: () => Promise<void>): void {
  const absent = files.find((file) => !existsSync(recordedPath(file)));
  const suffix = absent === undefined ? "" : ` (skipped: no recorded ${absent})`;
  Deno.test({ name: name + suffix, ignore: absent !== undefined, fn });
}

/** What `use` makes of a new directory, which is removed afterwards. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "fillbase-market-" });
  try {
    return await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Writes lines to a file in a directory, zipped when the name ends in `.gz`; returns its path. */
export async function writeLines(directory: string, name: string, lines: readonly string[]): Promise<string> {
  const path = join(directory, name);
  const text = lines.map((line) => line + "\n").join("");
  await Deno.writeFile(path, name.endsWith(".gz") ? gzipSync(text) : new TextEncoder().encode(text));
  return path;
}

/** All items of a stream. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(stream);
}
