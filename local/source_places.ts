/** Places in sources instead of places in a bundle, for whoever reads a stack trace. */
import { SourceMap } from "node:module";
import { resolve } from "node:path";

/**
 * Reads the map of one bundle, which lies beside it. The runtime could do so itself if the bundle named its map, but
 * then every worker holds 7 MB more from its first moment.
 */
export class SourcePlaces {
  readonly #place: RegExp;
  readonly #madeAt: number | null;
  #map: SourceMap | null = null;

  /** `bundle` is an absolute path. */
  constructor(private readonly bundle: string) {
    this.#place = new RegExp(`${RegExp.escape(`file://${bundle}`)}:(\\d+):(\\d+)`, "g");
    this.#madeAt = madeAt(this.#mapPath);
  }

  /** A line of a log with every place of the bundle replaced whose source is known. */
  translate(line: string): string {
    return line.replace(
      this.#place,
      (place, row, column) => this.#find(Number(row), Number(column)) ?? place,
    );
  }

  /** Both count from one, as in stack traces. */
  #find(row: number, column: number): string | null {
    const entry = this.#load()?.findEntry(row - 1, column - 1);
    if (entry === undefined || !("originalSource" in entry)) return null;
    const source = resolve(this.bundle, "..", entry.originalSource);
    return `file://${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }

  /** Null: there is none, or it is no longer the map of the bundle that was loaded. */
  #load(): SourceMap | null {
    if (this.#madeAt === null || madeAt(this.#mapPath) !== this.#madeAt) return null;
    return this.#map ??= new SourceMap(JSON.parse(Deno.readTextFileSync(this.#mapPath)));
  }

  get #mapPath(): string {
    return `${this.bundle}.map`;
  }
}

/** Milliseconds since the epoch; null: there is no such file. */
function madeAt(path: string): number | null {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? null;
  } catch {
    return null;
  }
}
