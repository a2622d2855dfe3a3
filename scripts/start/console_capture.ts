import { format } from "node:util";

const METHODS = ["log", "info", "warn", "error", "debug"] as const;

/**
 * Sends what libraries write to the console elsewhere, because a stray line would spoil the table or the JSON; the
 * embedded Data API tells of each database error that way. Returns the way back.
 */
export function captureConsole(write: (line: string) => void): () => void {
  const originals = METHODS.map((method) => [method, console[method]] as const);
  for (const method of METHODS) console[method] = (...words: unknown[]) => write(format(...words));
  return () => {
    for (const [method, original] of originals) console[method] = original;
  };
}
