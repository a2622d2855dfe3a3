/** `deno task demo`: decisions from first to last on a throw-away stack, then the books are checked. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type MarketOption, parseMarketOption } from "../local/market/option.ts";
import { LIVE_TICKS, runLive } from "./demo/live_scenario.ts";
import { type MainRun, runMain } from "./demo/main_scenario.ts";
import { type DemoResult, isRight, readResult } from "./demo/result.ts";
import { holds, runRegimes } from "./demo/regimes_scenario.ts";
import { isRiskRight, runRisk } from "./demo/risk_scenario.ts";
import { isStopRight, runStopAll } from "./demo/stop_scenario.ts";
import { SimulatorProcess } from "./lib/simulator_process.ts";
import { startThrowawayStack, type ThrowawayStack } from "./lib/throwaway_stack.ts";
import { wholeNumber } from "./lib/whole_number.ts";

/** The discard port, where nobody answers. */
const NOWHERE = "http://127.0.0.1:9";

/** What a scenario shows, and whether it is what the scenario promises. */
interface Shown {
  readonly market: string;
  readonly facts?: object;
  readonly isShown: boolean;
}

const SCENARIOS = {
  main: async (stack: ThrowawayStack, run: MainRun): Promise<Shown> => ({
    market: await runMain(stack, run),
    isShown: true,
  }),
  regimes: async (stack: ThrowawayStack, run: MainRun): Promise<Shown> => {
    const shown = await runRegimes(stack, run);
    return { ...shown, isShown: holds(shown.facts) };
  },
  risk: async (stack: ThrowawayStack, run: MainRun): Promise<Shown> => {
    const shown = await runRisk(stack, run);
    return { ...shown, isShown: isRiskRight(shown.facts) };
  },
  "stop-all": async (stack: ThrowawayStack, run: MainRun): Promise<Shown> => {
    const shown = await runStopAll(stack, run);
    return { ...shown, isShown: isStopRight(shown.facts) };
  },
};

interface Flags {
  readonly signals: number;
  readonly seed: number;
  readonly workers: number;
  readonly market: MarketOption;
  readonly scenario: keyof typeof SCENARIOS;
  readonly venue: "paper" | "binance";
  readonly faults: number;
  readonly json: boolean;
}

const flags = parseFlags(Deno.args);
const isTerminal = Deno.stderr.isTerminal();
const text = new TextEncoder();
const started: { stop(): Promise<void> }[] = [];
let code = 1;
try {
  const { result, isShown } = await run(flags);
  if (flags.json) console.log(JSON.stringify(result));
  else print(result);
  code = isRight(result, flags.faults > 0) && isShown ? 0 : 1;
  if (code !== 0) {
    console.error(
      "demo: the result is not right; see books, failed, unknown, facts, and opened against closed",
    );
  }
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : error}`);
} finally {
  for (const part of started.reverse()) await part.stop();
}
Deno.exit(code);

async function run(flags: Flags): Promise<{ result: DemoResult; isShown: boolean }> {
  const { signals, seed, workers, market, scenario } = flags;
  const parts = { signals, seed, market, workers, progress, log: (line: string) => console.error(line) };
  const { stack, simulator } = await start(flags);
  const { isShown, ...shown } = simulator === null
    ? await SCENARIOS[scenario](stack, parts)
    : await runLive(stack, { ...parts, simulator, faults: flags.faults });
  if (isTerminal) Deno.stderr.writeSync(text.encode("\r\x1b[K"));
  return { result: await readResult(stack.sql, { scenario, seed, workers, ...shown }), isShown };
}

/** The stack, and on the Binance venue the simulator, whose address its functions are told. */
async function start(
  { venue, seed }: Flags,
): Promise<{ stack: ThrowawayStack; simulator: SimulatorProcess | null }> {
  const simulator = venue === "paper" ? null : await SimulatorProcess.start(seed);
  if (simulator !== null) started.push(simulator);
  // Whatever an account of the demo says, nothing of it reaches an exchange.
  const env = {
    BINANCE_SIMULATOR_URL: simulator?.url ?? NOWHERE,
    BINANCE_TESTNET_URL: NOWHERE,
    BINANCE_PRODUCTION_URL: NOWHERE,
  };
  const stack = await startThrowawayStack({ log: troubleOf, env });
  started.push(stack);
  return { stack, simulator };
}

function progress(done: number, total: number, decided: number): void {
  const line = `tick ${done} of ${total}, ${decided} decisions`;
  if (isTerminal) Deno.stderr.writeSync(text.encode(`\r\x1b[K${line}`));
  else if (done % 2_000 === 0) console.error(line);
}

/** The stack's own lines are shown only when they tell of trouble. */
function troubleOf(line: string): void {
  if (/"level":"(warning|error)"|PANIC|killed/.test(line)) console.error(line);
}

function print(result: DemoResult): void {
  for (const [name, value] of Object.entries(result)) {
    console.log(`${name.padEnd(20)} ${typeof value === "object" ? JSON.stringify(value) : value}`);
  }
}

function parseFlags(args: readonly string[]): Flags {
  const program = new Command("demo")
    .description("Runs decisions from first to last on a throw-away stack and checks the books.")
    .option("--signals <n>", "how many decisions to enter", wholeNumber(1, 100_000), 120)
    .option("--seed <n>", "decides decisions, slippage and imagined books", wholeNumber(0, 2 ** 31), 7)
    .option("--workers <n>", "how many workers are rung at once; changes no result", wholeNumber(1, 16), 1)
    .option(
      "--market <source>",
      "replay:FILES, synthetic:SEED, binance or auto",
      marketOption,
      parseMarketOption("synthetic:7"),
    )
    .addOption(
      new Option("--scenario <name>", "what happens").choices(Object.keys(SCENARIOS)).default("main"),
    )
    .addOption(
      new Option(
        "--venue <name>",
        `where orders go; binance: the simulator, by the wall clock, the market in ${LIVE_TICKS} steps`,
      ).choices(["paper", "binance"]).default("paper"),
    )
    .option("--faults <share>", "share of the exchange's requests that meet a fault (binance)", share, 0)
    .option("--json", "one JSON object on standard output", false)
    .configureOutput({
      outputError: (words, write) => write(`${words.trimEnd().replace(/^error:/, "demo:")} See --help.\n`),
    })
    .exitOverride((error) => Deno.exit(error.exitCode === 0 ? 0 : 2));
  const flags = program.parse(args as string[], { from: "user" }).opts() as Flags;
  if (flags.venue === "binance" && flags.scenario !== "main") {
    program.error("error: --venue binance plays the main scenario only.", { exitCode: 2 });
  }
  if (flags.venue === "paper" && flags.faults > 0) {
    program.error("error: --faults needs --venue binance.", { exitCode: 2 });
  }
  return flags;
}

function share(value: string): number {
  const n = /^\d+(\.\d+)?$/.test(value) ? parseFloat(value) : NaN;
  if (!(n <= 0.5)) throw new InvalidArgumentError("It must be a number from 0 to 0.5.");
  return n;
}

function marketOption(value: string): MarketOption {
  try {
    return parseMarketOption(value);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
