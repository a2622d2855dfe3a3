import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { CsvError, parse } from "csv-parse";

/** A market data file that cannot be used: which file, which line, what is wrong. `line` counts from 1; 0: the file. */
export class MarketFileError extends Error {
  override readonly name = "MarketFileError";
  readonly file: string;
  readonly line: number;

  constructor(file: string, line: number, what: string, options?: { cause?: unknown }) {
    super(`${file}${line > 0 ? `:${line}` : ""}: ${what}`, options);
    this.file = file;
    this.line = line;
  }
}

/** One line of a CSV file. */
export interface CsvRow {
  readonly line: number;
  readonly fields: readonly string[];
}

/** What csv-parse yields with `info: true`. */
interface ParsedRow {
  readonly info: { readonly lines: number };
  readonly record: string[];
}

const MAX_ROW_CHARACTERS = 4_096;

/**
 * The rows of a CSV file, unzipped when its name ends in `.gz`, read as they are asked for. The file is closed
 * when the reader stops, early or not. Throws a MarketFileError when the file is missing, damaged or no CSV.
 */
export async function* readCsvRows(path: string): AsyncGenerator<CsvRow, void, undefined> {
  const parser = parse({
    info: true,
    relax_column_count: true,
    bom: true,
    max_record_size: MAX_ROW_CHARACTERS,
  });
  const source = createReadStream(path);
  const stages: [Readable, ...NodeJS.ReadWriteStream[]] = path.endsWith(".gz")
    ? [source, createGunzip(), parser]
    : [source, parser];
  pipeline(stages, () => {});
  try {
    for await (const row of parser as AsyncIterable<ParsedRow>) {
      yield { line: row.info.lines, fields: row.record };
    }
  } catch (error) {
    throw describeFailure(path, error);
  }
}

function describeFailure(path: string, error: unknown): MarketFileError {
  const code = (error as { code?: string }).code;
  const reason = error instanceof Error ? error.message : String(error);
  if (code === "ENOENT") return new MarketFileError(path, 0, "no such file", { cause: error });
  if (code?.startsWith("Z_")) {
    return new MarketFileError(path, 0, `not a whole gzip file (${reason})`, { cause: error });
  }
  const line = error instanceof CsvError && typeof error["lines"] === "number" ? error["lines"] : 0;
  return new MarketFileError(path, line, `cannot be read as CSV (${reason})`, { cause: error });
}
