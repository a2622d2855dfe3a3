/** What `deno task simulator` was asked for. */
import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";

export type MarketOption =
  | { readonly kind: "synthetic" }
  | { readonly kind: "still" }
  | { readonly kind: "replay"; readonly paths: readonly string[] };

export interface SimulatorOptions {
  readonly port: number;
  readonly adminPort: number;
  readonly market: MarketOption;
  readonly seed: number;
  readonly stateFile: string | null;
  /** Share of the requests that a fault hits. */
  readonly faults: number;
  readonly isJson: boolean;
}

/** Something in the input is wrong; the message is one line that says what and what to do. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const DEFAULT_PORT = 54_380;
const MAX_PORT = 65_535;
const MAX_SEED = 4_294_967_295;

interface Flags {
  readonly port: number;
  readonly adminPort: number;
  readonly market: MarketOption;
  readonly seed: number;
  readonly state?: string;
  readonly faults: number;
  readonly json: boolean;
}

/** Understands the arguments. Throws a `UsageError`; null after help was asked for and printed. */
export function parseOptions(args: readonly string[]): SimulatorOptions | null {
  const command = simulatorCommand();
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    const line = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ").trim();
    throw new UsageError(`${/[.?!)]$/.test(line) ? line : `${line}.`} See: deno task simulator --help`);
  }
  const { port, adminPort, market, seed, state, faults, json } = command.opts<Flags>();
  if (port !== 0 && port === adminPort) throw new UsageError("--port and --admin-port must differ.");
  const stateFile = state === undefined ? null : resolve(state);
  return { port, adminPort, market, seed, stateFile, faults, isJson: json };
}

function simulatorCommand(): Command {
  return new Command("deno task simulator")
    .description(
      "Runs a Binance Spot exchange on this machine: REST API, market, faults on command. Ctrl-C ends it.",
    )
    .option("--port <n>", "port of the REST API; 0 takes a free one", wholeNumber(MAX_PORT), DEFAULT_PORT)
    .option("--admin-port <n>", "port of the admin API; 0 takes a free one", wholeNumber(MAX_PORT), 0)
    .addOption(
      new Option(
        "--market <source>",
        "synthetic, still, or replay:FILE[,FILE…] (candles, trades, order books)",
      )
        .argParser(parseMarket).default({ kind: "synthetic" }, "synthetic"),
    )
    .option("--seed <n>", "decides the synthetic market, the ids and the faults", wholeNumber(MAX_SEED), 1)
    .option("--state <file>", "load the exchange's state from here and keep it here", nonEmpty)
    .option("--faults <share>", "share of the requests that a fault hits, from 0 to 1", share, 0)
    .option("--json", "events as JSON, one object a line", false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
}

export function parseMarket(text: string): MarketOption {
  if (text === "synthetic" || text === "still") return { kind: text };
  const paths = /^replay:(.+)$/.exec(text)?.[1]?.split(",").map((path) => path.trim());
  if (paths === undefined || paths.includes("")) {
    throw new InvalidArgumentError("It must be synthetic, still or replay:FILE[,FILE…].");
  }
  return { kind: "replay", paths: paths.map((path) => resolve(path)) };
}

function nonEmpty(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must name a path.");
  return text;
}

function wholeNumber(max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? parseInt(text, 10) : NaN;
    if (!(value <= max)) throw new InvalidArgumentError(`It must be a whole number from 0 to ${max}.`);
    return value;
  };
}

function share(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? parseFloat(text) : NaN;
  if (!(value <= 1)) throw new InvalidArgumentError("It must be a number from 0 to 1.");
  return value;
}
