/** What `deno task start` was asked for. */
import { resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { type MarketOption, parseMarketOption } from "../../local/market/option.ts";
import { projectRoot } from "../lib/project.ts";

/** The options, checked as far as they can be without touching the machine. */
export interface StartOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly envFile: string | null;
  readonly hasDemo: boolean;
  readonly market: MarketOption;
  /** Market time per real time. */
  readonly speed: number;
  readonly isJson: boolean;
}

/** Something in the input is wrong; the message is one line that says what and what to do. Exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const DEFAULT_PORT = 54321;
const DEFAULT_DATA_DIR = `${projectRoot}.fillbase/data`;
/** A replay has a price every 15 s of its own time; faster than real time, so that prices do not grow old between. */
const REPLAY_SPEED = 60;
/** Ticks carry milliseconds: past this, ticks of one second each would fall on the same one. */
const MAX_SPEED = 1_000;
const MAX_PORT = 65_535;

interface Flags {
  readonly dataDir: string;
  readonly port: number;
  readonly envFile?: string;
  readonly demo: boolean;
  readonly market: MarketOption;
  readonly speed?: number;
  readonly json: boolean;
}

/** Understands the arguments. Throws a `UsageError`; null after help was asked for and printed. */
export function parseOptions(args: readonly string[]): StartOptions | null {
  const command = startCommand();
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new UsageError(`${oneLine(error.message)} See: deno task start --help`);
  }
  const flags = command.opts<Flags>();
  return {
    dataDir: resolve(flags.dataDir),
    port: flags.port,
    envFile: flags.envFile === undefined ? null : resolve(flags.envFile),
    hasDemo: flags.demo,
    market: flags.market,
    speed: flags.speed ?? (flags.market.kind === "replay" ? REPLAY_SPEED : 1),
    isJson: flags.json,
  };
}

function startCommand(): Command {
  return new Command("deno task start")
    .description(
      "Runs Fillbase on this machine: database, API, Realtime, Edge Functions, a market and a demo. " +
        "Paths are relative to the project. Ctrl-C ends it; the next start goes on with the same data.",
    )
    .addOption(
      new Option("--data-dir <dir>", "where everything is kept")
        .argParser(nonEmpty).default(DEFAULT_DATA_DIR, ".fillbase/data"),
    )
    .option("--port <n>", "port of the project's URL; 0 takes a free one", port, DEFAULT_PORT)
    .option(
      "--env-file <file>",
      "once ready, write URLs and credentials here (readable by you only)",
      nonEmpty,
    )
    .option("--no-demo", "without the demo user, its traders and its scanner")
    .addOption(
      new Option("--market <source>", "auto, binance, replay:FILE[,FILE…], simulator:URL or synthetic:SEED")
        .argParser(market).default({ kind: "auto" }, "auto"),
    )
    .option("--speed <x>", `market time per real time, up to ${MAX_SPEED} (default: 1; a replay: 60)`, speed)
    .option("--json", "events as JSON, one object a line, instead of a table", false)
    .configureOutput({ writeErr: () => {} })
    .exitOverride();
}

/** Commander puts its advice on lines of their own. */
function oneLine(message: string): string {
  const line = message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ").trim();
  return /[.?!)]$/.test(line) ? line : `${line}.`;
}

function nonEmpty(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must name a path.");
  return text;
}

function port(text: string): number {
  const value = /^\d{1,5}$/.test(text) ? parseInt(text, 10) : NaN;
  if (!(value <= MAX_PORT)) {
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_PORT}; 0 takes a free port.`);
  }
  return value;
}

function speed(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? parseFloat(text) : NaN;
  if (!(value > 0 && value <= MAX_SPEED)) {
    throw new InvalidArgumentError(`It must be a number above 0 and up to ${MAX_SPEED}; 1 is real time.`);
  }
  return value;
}

function market(text: string): MarketOption {
  try {
    return parseMarketOption(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
