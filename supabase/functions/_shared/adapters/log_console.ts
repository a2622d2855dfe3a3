/** The log as JSON lines on the console, which the platform collects. */
import type { Log } from "../ports/log.ts";

/** The platform cuts messages at 10,000 characters. */
const MAX_LINE = 8_000;

/** A log that names its function in every line. */
export function consoleLog(functionName: string): Log {
  return (level, event, facts = {}) => {
    const line = JSON.stringify({ level, function: functionName, event, ...facts }).slice(0, MAX_LINE);
    if (level === "error") console.error(line);
    else if (level === "warning") console.warn(line);
    else console.log(line);
  };
}
