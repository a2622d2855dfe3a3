/** One run: the stack, the market, the demo and what is shown of them, from start to stop. */
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { type OpenMarket, openMarket } from "../../local/market/feed.ts";
import { sleepReal } from "../../local/market/pacing.ts";
import { type Stack, startStack } from "../../local/stack.ts";
import { randomFor } from "../../supabase/functions/_shared/domain/market/prng.ts";
import { pushMigrations } from "../lib/supabase_cli.ts";
import { ActivityTail } from "./activity.ts";
import { captureConsole } from "./console_capture.ts";
import { DEMO_EMAIL, type DemoDesk, openDemoDesk } from "./demo_desk.ts";
import { readDesk } from "./desk_view.ts";
import { EnvFile, type Environment } from "./env_file.ts";
import { watchInstruments } from "./instrument_watch.ts";
import { loadLocalSecrets, type LocalSecrets } from "./local_secrets.ts";
import { LogFile } from "./log_file.ts";
import type { StartOptions } from "./options.ts";
import { checkMachine } from "./preflight.ts";
import { PriceBoard } from "./price_board.ts";
import { connectMarket, PriceFeed } from "./price_feed.ts";
import { repeat } from "./repeat.ts";
import type { Reporter } from "./reporter.ts";
import { SCAN_EVERY_MS, Scanner } from "./scanner.ts";

/** The table is read and drawn this often (ms). */
const VIEW_EVERY_MS = 1_000;
/** Ready means that there are prices; a market that is silent for longer than this is shown as it is (ms). */
const FIRST_PRICES_MS = 5_000;

/**
 * Runs until `stop` aborts, then ends everything it started, in order. Rejects when it cannot start or when the
 * database cannot be kept alive.
 */
export async function run(options: StartOptions, reporter: Reporter, stop: AbortSignal): Promise<void> {
  await checkMachine(options);
  const envFile = options.envFile === null ? null : await EnvFile.claim(options.envFile);
  await using ends = new AsyncDisposableStack();
  ends.defer(() => reporter.close());
  const logPath = join(options.dataDir, "start.log");
  const logFile = ends.adopt(new LogFile(logPath), (file) => file.close());
  ends.defer(captureConsole((line) => logFile.write(line)));

  reporter.progress("Starting the database, the API, Realtime and the functions …");
  const [market, stack] = await openMarketAndStack(options, reporter, (line) => logFile.write(line));
  ends.defer(() => stack.stop());
  ends.defer(() => reporter.progress("Stopping …"));
  const secrets = await loadLocalSecrets(options.dataDir);
  const desk = options.hasDemo ? await openDemoDesk(stack.sql, secrets.demoPassword) : null;
  const board = new PriceBoard();
  const feed = await startFeed(market, stack, board, reporter, ends);
  const environment = environmentOf(stack, secrets, desk);
  await envFile?.write(environment);
  ends.defer(() => envFile?.remove());
  const { envFile: envPath, dataDir } = options;
  const readyMs = performance.now();
  reporter.ready({
    environment,
    envFile: envPath,
    dataDir,
    logFile: logPath,
    market: market.described,
    readyMs,
  });
  await watch(stack, desk, board, feed, reporter, stop);
}

/** Opens both at once, because `auto` may wait for Binance; when one cannot be had the other is ended again. */
async function openMarketAndStack(
  options: StartOptions,
  reporter: Reporter,
  log: (line: string) => void,
): Promise<[OpenMarket, Stack]> {
  const [market, stack] = await Promise.allSettled([
    openMarket(options.market, { speed: options.speed, now: Date.now, log: (line) => reporter.note(line) }),
    startStack({
      dataDir: options.dataDir,
      port: options.port,
      durability: "full",
      prewarm: ["execute-trade"],
      // Live accounts of the simulator trade where the prices come from.
      env: options.market.kind === "simulator" ? { BINANCE_SIMULATOR_URL: options.market.url } : {},
      applyMigrations: (url) => pushMigrations(url),
      log,
    }),
  ]);
  if (market.status === "fulfilled" && stack.status === "fulfilled") return [market.value, stack.value];
  if (market.status === "fulfilled") market.value.stop();
  if (stack.status === "fulfilled") await stack.value.stop();
  throw (market.status === "rejected" ? market : stack as PromiseRejectedResult).reason;
}

/** Lists the market's symbols and lets its prices in; resolves when the first have arrived. */
async function startFeed(
  market: OpenMarket,
  stack: Stack,
  board: PriceBoard,
  reporter: Reporter,
  ends: AsyncDisposableStack,
): Promise<PriceFeed> {
  const connection = ends.adopt(connectMarket(stack.database.url), (it) => it.close());
  await connection.applyInstruments(market.instruments, market.name, false);
  const firstPrices = Promise.withResolvers<void>();
  const feed = new PriceFeed({
    apply: async (quotes) => {
      const effect = await connection.applyPrices(quotes);
      firstPrices.resolve();
      return effect;
    },
    onTick: (quotes) => board.see(quotes),
    log: (line) => reporter.note(line),
  });
  let isStopping = false;
  const running = feed.run(market.stream).then(
    () => isStopping || reporter.note("The market has ended. Everything stays up, with the last prices."),
    (error) => reporter.note(`The market broke off: ${error instanceof Error ? error.message : error}`),
  );
  const over = new AbortController();
  const watching = watchInstruments(market, connection, over.signal, (line) => reporter.note(line));
  ends.defer(async () => {
    isStopping = true;
    over.abort();
    market.stop();
    feed.stop();
    await Promise.all([running, watching]);
  });
  const patience = new AbortController();
  await Promise.race([firstPrices.promise, sleepReal(FIRST_PRICES_MS, patience.signal)]);
  patience.abort();
  return feed;
}

function environmentOf(stack: Stack, secrets: LocalSecrets, desk: DemoDesk | null): Environment {
  return {
    SUPABASE_URL: stack.url,
    SUPABASE_PUBLISHABLE_KEY: stack.publishableKey,
    SUPABASE_SECRET_KEY: stack.secretKey,
    SUPABASE_DB_URL: stack.database.url,
    METRICS_KEY: secrets.metricsKey,
    DEMO_EMAIL: desk ? DEMO_EMAIL : "",
    DEMO_PASSWORD: desk ? secrets.demoPassword : "",
  };
}

/** Shows what happens and lets the demo's scanner decide, until the run is to stop or the database is given up. */
async function watch(
  stack: Stack,
  desk: DemoDesk | null,
  board: PriceBoard,
  feed: PriceFeed,
  reporter: Reporter,
  stop: AbortSignal,
): Promise<void> {
  const failure = Promise.withResolvers<never>();
  const over = new AbortController();
  stack.database.onFailure(({ message }) => {
    const [reason] = message.split("\n", 1);
    failure.reject(new Error(`The database is gone. ${reason} The log in the data directory says more.`));
  });
  stack.database.onRestart(() =>
    reporter.note("The database had died and was started again; nothing is lost.")
  );
  const tail = new ActivityTail(stack.sql);
  const note = (line: string) => reporter.note(line);
  const loops = [repeat("the table", VIEW_EVERY_MS, over.signal, note, async () => {
    for (const activity of await tail.read()) reporter.activity(activity);
    reporter.desk(await readDesk(stack.sql), feed.figures);
  })];
  if (desk) {
    const client = createClient(stack.url, stack.secretKey, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const scanner = new Scanner(client, desk.traders, board, randomFor("scanner", Date.now()));
    loops.push(repeat("the scanner", SCAN_EVERY_MS, over.signal, note, () => scanner.scan()));
  }
  try {
    await Promise.race([aborted(stop), failure.promise]);
  } finally {
    over.abort();
    await Promise.all(loops);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
