import { basename } from "node:path";
import { readFixed } from "../core/fixed.ts";
import type { Fixed } from "../core/fixed.ts";

/** A market file that cannot be used; the message names it and says why. */
export class MarketFileError extends Error {
  override readonly name = "MarketFileError";
}

/** The lines of a text file, unpacked where its name ends in `.gz`; the last one may be without an end. */
export async function readLines(path: string): Promise<string[]> {
  let text: string;
  try {
    using file = await Deno.open(path);
    const bytes = path.endsWith(".gz")
      ? file.readable.pipeThrough(new DecompressionStream("gzip"))
      : file.readable;
    text = await new Response(bytes).text();
  } catch (error) {
    throw new MarketFileError(`${path} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 0) throw new MarketFileError(`${path} is empty.`);
  return lines;
}

/** The symbol with which a file's name begins: `BTCUSDT_1m_2025-01-30.csv.gz`. */
export function symbolOf(path: string, known: ReadonlySet<string>): string {
  const symbol = /^[A-Z0-9]+/.exec(basename(path))?.[0] ?? "";
  if (!known.has(symbol)) {
    throw new MarketFileError(
      `${path}: its name begins with no symbol of this exchange (${[...known].join(", ")}).`,
    );
  }
  return symbol;
}

/** A price or quantity; more than eight places are cut off. */
export function amountIn(path: string, line: number, text: string | undefined): Fixed {
  const cut = (text ?? "").replace(/(\.\d{8})\d+$/, "$1");
  const value = readFixed(cut);
  if (typeof value === "string") throw new MarketFileError(`${path}, line ${line}: "${text}" is no amount.`);
  return value;
}

export function timeIn(path: string, line: number, text: string | undefined): number {
  if (!/^\d{12,14}$/.test(text ?? "")) {
    throw new MarketFileError(`${path}, line ${line}: "${text}" is no time in milliseconds.`);
  }
  return parseInt(text!, 10);
}
