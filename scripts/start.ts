/**
 * `deno task start`: the whole system on this machine, with a market and a demo, until Ctrl-C.
 * Exit code 0 after a clean stop (Ctrl-C, SIGTERM, a closed terminal), 1 when something on this machine was in the way
 * or gave out, 2 for input that cannot work.
 */
import { MarketFileError } from "../local/market/csv_file.ts";
import { MarketOptionError } from "../local/market/option.ts";
import { colorsFor } from "./lib/terminal.ts";
import { LiveReporter } from "./start/live_reporter.ts";
import { parseOptions, type StartOptions, UsageError } from "./start/options.ts";
import { JsonReporter, PlainReporter } from "./start/plain_reporter.ts";
import type { Reporter } from "./start/reporter.ts";
import { run } from "./start/run.ts";

/** Ending takes about a second; a stop that hangs is cut off, and what remains ends by itself (ms). */
const STOP_TIMEOUT_MS = 30_000;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  try {
    const options = parseOptions(args);
    if (options === null) return 0;
    stopOnSignals(stop);
    await run(options, reporterFor(options), stop.signal);
    return 0;
  } catch (error) {
    // Ctrl-C reaches every process of the terminal, so a start it interrupts may fail in any of its parts.
    if (stop.signal.aborted && !(error instanceof SuppressedError)) return 0;
    console.error(`start: ${error instanceof Error ? error.message : error}`);
    return isUsage(error) ? 2 : 1;
  }
}

/** The first signal asks for a clean end. A second one does not wait for it: the children notice and end themselves. */
function stopOnSignals(stop: AbortController): void {
  for (const signal of STOP_SIGNALS) {
    Deno.addSignalListener(signal, () => {
      if (stop.signal.aborted) Deno.exit(1);
      stop.abort();
      setTimeout(() => {
        console.error(`start: the stop took over ${STOP_TIMEOUT_MS / 1_000} s and was cut off`);
        Deno.exit(1);
      }, STOP_TIMEOUT_MS);
    });
  }
}

function reporterFor({ isJson }: StartOptions): Reporter {
  if (isJson) return new JsonReporter(Deno.stdout);
  return Deno.stdout.isTerminal()
    ? new LiveReporter(Deno.stdout, colorsFor(Deno.stdout))
    : new PlainReporter(Deno.stdout);
}

function isUsage(error: unknown): boolean {
  return error instanceof UsageError || error instanceof MarketOptionError ||
    error instanceof MarketFileError;
}
