/**
 * `deno task start`: the whole system on this machine, with a market and a demo, until Ctrl-C.
 * Exit code 0 after a clean stop (Ctrl-C, SIGTERM, a closed terminal), 1 when something on this machine was in the way
 * or gave out, 2 for input that cannot work.
 */
import { MarketFileError } from "../local/market/csv_file.ts";
import { MarketOptionError } from "../local/market/option.ts";
import { MarketError } from "../supabase/functions/_shared/ports/market.ts";
import { colorsFor } from "./lib/terminal.ts";
import { LiveReporter } from "./start/live_reporter.ts";
import { parseOptions, type StartOptions, UsageError } from "./start/options.ts";
import { JsonReporter, PlainReporter } from "./start/plain_reporter.ts";
import type { Reporter } from "./start/reporter.ts";
import { run } from "./start/run.ts";

/** Ending takes about a second; a stop that hangs is cut off, and what remains ends by itself (ms). */
const STOP_TIMEOUT_MS = 30_000;
/** Signals closer together than this are one (ms). */
const SAME_SIGNAL_MS = 1_000;
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
    console.error(`start: ${wordsOf(error)}`);
    return isUsage(error) ? 2 : 1;
  }
}

/**
 * The first signal asks for a clean end. One that comes later does not wait for it: the children notice and end
 * themselves. Two at once are one Ctrl-C: the terminal sends it to every process, and `deno task` passes it on.
 */
function stopOnSignals(stop: AbortController): void {
  let askedAt: number | null = null;
  const onSignal = () => {
    if (askedAt !== null && performance.now() - askedAt < SAME_SIGNAL_MS) return;
    if (askedAt !== null) Deno.exit(1);
    askedAt = performance.now();
    stop.abort();
    setTimeout(() => {
      console.error(`start: the stop took over ${STOP_TIMEOUT_MS / 1_000} s and was cut off`);
      Deno.exit(1);
    }, STOP_TIMEOUT_MS);
  };
  for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, onSignal);
}

function reporterFor({ isJson }: StartOptions): Reporter {
  if (isJson) return new JsonReporter(Deno.stdout);
  return Deno.stdout.isTerminal()
    ? new LiveReporter(Deno.stdout, colorsFor(Deno.stdout))
    : new PlainReporter(Deno.stdout);
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const advice = error instanceof MarketError ? " Without it, use --market synthetic:1." : "";
  return `${error.message.trim()}${advice}`;
}

function isUsage(error: unknown): boolean {
  return error instanceof UsageError || error instanceof MarketOptionError ||
    error instanceof MarketFileError;
}
