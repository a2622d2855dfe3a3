/** The stack's warnings and errors: the first of each kind is shown, all are counted. */

const TROUBLE = /"level":"(warning|error)"|PANIC|killed/;
const LINE_LENGTH = 400;

/** Hears every line that a stack says of itself. */
export class Troubles {
  readonly #counts = new Map<string, number>();

  constructor(private readonly log: (line: string) => void) {}

  /** By kind: a function's event with the SQLSTATE, or the first words of a line. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort());
  }

  hear(line: string): void {
    if (!TROUBLE.test(line)) return;
    const kind = kindOf(line);
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    if (count === 1) this.log(`  first of its kind: ${line.slice(0, LINE_LENGTH)}`);
  }
}

function kindOf(line: string): string {
  try {
    const facts = JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>;
    return [facts["function"], facts["event"], facts["kind"], facts["sqlstate"]].flatMap((word) => word ?? [])
      .join(" ");
  } catch {
    return line.split(/\s+/).slice(0, 4).join(" ");
  }
}
