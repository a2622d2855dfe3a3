/**
 * What a command shows: colour and a table that is redrawn in place on a terminal, plain lines everywhere else. A log
 * file or a pipe never meets an escape sequence.
 */
import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import picocolors from "picocolors";

/** Functions that colour a text, or return it as it is. */
export type Colors = ReturnType<typeof picocolors.createColors>;

/** Where lines go, as much of `Deno.stdout` as is used here. */
export interface TextOutput {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** Size of the terminal in characters. */
export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

/** Colour on a terminal, unless NO_COLOR is set to anything. */
export function colorsFor(output: TextOutput, isColorUnwanted: boolean = Deno.noColor): Colors {
  return picocolors.createColors(output.isTerminal() && !isColorUnwanted);
}

/** Writes one line. */
export function writeLine(output: TextOutput, line: string): void {
  writeAll(output, `${line}\n`);
}

/** One line that replaces itself on a terminal; elsewhere every `plainEvery`-th is a line of its own. */
export class ProgressLine {
  #shown = 0;

  constructor(private readonly output: TextOutput, private readonly plainEvery: number) {}

  show(text: string): void {
    const isDue = this.#shown++ % this.plainEvery === 0;
    if (this.output.isTerminal()) writeAll(this.output, `\r${CLEAR_LINE}${text}`);
    else if (isDue) writeLine(this.output, text);
  }

  /** Takes the line away again, so that what follows starts on an empty one. */
  clear(): void {
    if (this.output.isTerminal()) writeAll(this.output, `\r${CLEAR_LINE}`);
  }
}

const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** A terminal that does not say how large it is, for instance one without a window. */
const FALLBACK_SIZE: ScreenSize = { columns: 100, rows: 40 };

/** The lower part of a terminal that is redrawn in place, with ordinary lines scrolling above it. */
export class LivePanel {
  #drawn: readonly string[] = [];
  #height = 0;

  constructor(private readonly output: TextOutput, private readonly size: () => ScreenSize = screenSize) {}

  /** Replaces the panel. What does not fit is cut off: a wrapped line would spoil the next redraw. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.size();
    const fitting = lines.slice(0, Math.max(rows - 1, 1)).map((line) => crop(line, columns));
    writeAll(
      this.output,
      HIDE_CURSOR + this.#back() + fitting.map((line) => `${line}${CLEAR_LINE}\n`).join("") + CLEAR_BELOW,
    );
    this.#drawn = lines;
    this.#height = fitting.length;
  }

  /** Writes a line above the panel. */
  print(line: string): void {
    writeAll(this.output, `${this.#back()}${CLEAR_BELOW}${line}\n`);
    this.#height = 0;
    if (this.#drawn.length > 0) this.draw(this.#drawn);
  }

  /** Leaves the last drawing where it is and gives the cursor back. */
  close(): void {
    writeAll(this.output, SHOW_CURSOR);
    this.#drawn = [];
    this.#height = 0;
  }

  #back(): string {
    return this.#height === 0 ? "" : `\x1b[${this.#height}A\r`;
  }
}

/** How a column is set. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

const BORDERLESS = {
  ...Object.fromEntries(
    ["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"].map(
      (name) => [name, ""],
    ),
  ),
  ...{ "left": "", "left-mid": "", "mid": "", "mid-mid": "", "right": "", "right-mid": "" },
  middle: "  ",
};

/** A table without borders as lines, widths by their content, colours not counted. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  colors: Colors,
): string[] {
  const table = new Table({
    head: columns.map(({ title }) => colors.dim(title)),
    colAligns: columns.map(({ align }) => align ?? "left"),
    chars: BORDERLESS,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString().split("\n").map((line) => line.trimEnd());
}

/** The line, or as much of it as `columns` hold; colours are given up when it must be cut. */
export function crop(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return plain.length <= columns ? line : `${plain.slice(0, Math.max(columns - 1, 0))}…`;
}

function screenSize(): ScreenSize {
  try {
    const { columns, rows } = Deno.consoleSize();
    return columns > 0 && rows > 0 ? { columns, rows } : FALLBACK_SIZE;
  } catch {
    return FALLBACK_SIZE;
  }
}

/** Writes all of it. A reader that has gone away (`| head`) is no failure of the writer. */
function writeAll(output: TextOutput, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let written = 0; written < bytes.length;) written += output.writeSync(bytes.subarray(written));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
