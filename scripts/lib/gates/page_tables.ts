/** A row of a table in Markdown whose first cell names one thing or several between backticks. */
export interface TableRow {
  readonly names: readonly string[];
  /** All cells, the first included. */
  readonly cells: readonly string[];
  readonly text: string;
  readonly line: number;
}

/** The rows of all tables of a page whose first column has this head. */
export function rowsUnder(page: string, head: string): TableRow[] {
  let isTable = false;
  return page.split("\n").flatMap((text, index) => {
    const cells = text.split("|").slice(1, -1).map((cell) => cell.trim());
    if (cells.length === 0) isTable = false;
    const names = [...(cells[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
    const isRow = isTable && names.length > 0;
    if (cells[0] === head) isTable = true;
    return isRow ? [{ names, cells, text, line: index + 1 }] : [];
  });
}
