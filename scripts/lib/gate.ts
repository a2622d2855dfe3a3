/** One thing that is wrong, and where. */
export interface Finding {
  readonly path: string;
  /** From 1. */
  readonly line?: number;
  readonly message: string;
}

/** A rule about the project that a machine can check. It finds nothing when the rule is kept. */
export interface Gate {
  readonly name: string;
  run(): Promise<readonly Finding[]>;
}

/** `path:line: message`, which editors make a link of. */
export function formatFinding({ path, line, message }: Finding): string {
  return `${path}${line === undefined ? "" : `:${line}`}: ${message}`;
}

/** The line, from 1, on which the character at `offset` stands. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (
    let index = text.indexOf("\n");
    index !== -1 && index < offset;
    index = text.indexOf("\n", index + 1)
  ) {
    line += 1;
  }
  return line;
}
