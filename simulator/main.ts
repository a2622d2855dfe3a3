/**
 * `deno task simulator`: a Binance Spot exchange on this machine, until Ctrl-C.
 * Exit code 0 after a clean stop, 1 when something on this machine was in the way, 2 for input that cannot work.
 */
import { randomBytes } from "node:crypto";
import { wallClock } from "./core/clock.ts";
import { fixed } from "./core/fixed.ts";
import { deposit } from "./engine/accounts.ts";
import { serveAdmin } from "./http/admin.ts";
import type { ApiKey } from "./http/keys.ts";
import { serveApi } from "./http/server.ts";
import { MarketFileError } from "./market/files.ts";
import { openRecordings, ReplaySource } from "./market/replay.ts";
import { openMarkets, SyntheticSource } from "./market/synthetic.ts";
import { parseOptions, type SimulatorOptions, UsageError } from "./options.ts";
import { Simulator, StateError } from "./simulator.ts";

/** The market catches up so often, also when nobody asks (ms). */
const STEP_MS = 1_000;
/** The state is written so often (ms), and more rarely where that would take a larger share of the time than this. */
const SAVE_MS = 10_000;
const SAVE_SHARE_MAX = 0.02;
/** How long faults from the command line delay, stall, ban and restart (ms). */
const FAULT_MS = 2_000;
const DEMO_ACCOUNT = "demo";
const DEMO_BALANCES = { USDT: "100000", BTC: "1", BNB: "10" } as const;
const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

if (import.meta.main) Deno.exit(await main(Deno.args));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options !== null) await run(options);
    return 0;
  } catch (error) {
    console.error(`simulator: ${wordsOf(error)}`);
    return error instanceof UsageError || error instanceof MarketFileError || error instanceof StateError
      ? 2
      : 1;
  }
}

async function run(options: SimulatorOptions): Promise<void> {
  const stopped = stopSignal();
  const simulator = await openSimulator(options);
  const key = demoKey(simulator);
  await save(simulator, options.stateFile);
  await serve(options, simulator, key, stopped);
  // Only now: what was answered until the servers ended is in it.
  await save(simulator, options.stateFile);
}

/** Answers until it is stopped, while the market goes on and the state is kept. */
async function serve(
  options: SimulatorOptions,
  simulator: Simulator,
  key: ApiKey,
  stopped: Promise<void>,
): Promise<void> {
  const token = randomBytes(24).toString("base64url");
  await using api = await serveApi(simulator, options.port).catch(portTaken("--port", options.port));
  await using admin = await serveAdmin(simulator, options.adminPort, token).catch(
    portTaken("--admin-port", options.adminPort),
  );
  report(options, simulator, api.url, admin.url, token, key);
  const stepping = setInterval(() => simulator.advance(), STEP_MS);
  await saveUntil(stopped, simulator, options.stateFile);
  clearInterval(stepping);
}

/** Keeps the state. One that could not be written is tried again: the exchange goes on. */
async function saveUntil(stopped: Promise<void>, simulator: Simulator, path: string | null): Promise<void> {
  const isStopped = stopped.then(() => true);
  const isOverAfter = (ms: number) => Promise.race([isStopped, wallClock.sleep(ms).then(() => false)]);
  let pauseMs = SAVE_MS;
  while (!await isOverAfter(pauseMs)) {
    const startedAt = performance.now();
    await save(simulator, path).catch((error) => console.error(`simulator: ${wordsOf(error)}`));
    pauseMs = Math.max(SAVE_MS, (performance.now() - startedAt) / SAVE_SHARE_MAX);
  }
}

async function openSimulator(options: SimulatorOptions): Promise<Simulator> {
  const { seed, market, stateFile } = options;
  const saved = stateFile === null ? null : await readState(stateFile);
  const simulator = openState(seed, saved, stateFile);
  const { state, clock } = simulator;
  if (market.kind === "replay") {
    simulator.source = new ReplaySource(await openRecordings(market.paths, state, seed), clock.now());
    simulator.advance();
  }
  openMarkets(state, seed, clock.now());
  if (market.kind === "synthetic") simulator.source = new SyntheticSource(state, seed, clock.now());
  if (options.faults > 0) simulator.faults.addAll(options.faults, FAULT_MS);
  return simulator;
}

function openState(seed: number, saved: string | null, stateFile: string | null): Simulator {
  try {
    return new Simulator(wallClock, seed, saved);
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    throw new StateError(`${stateFile} cannot be used. ${error.message} Move it away to begin anew.`);
  }
}

async function readState(path: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Written beside the file and moved over it: whoever reads it finds the old state or the new one. */
async function save(simulator: Simulator, path: string | null): Promise<void> {
  if (path === null) return;
  try {
    await Deno.writeTextFile(`${path}.new`, simulator.save(), { mode: 0o600 });
    await Deno.rename(`${path}.new`, path);
  } catch (error) {
    throw new Error(`The state was not saved to ${path}: ${wordsOf(error)}`);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The key of the demo account; a state that was loaded has it already. */
function demoKey(simulator: Simulator): ApiKey {
  const known = [...simulator.keys.values()].find(({ accountId }) => accountId === DEMO_ACCOUNT);
  if (known !== undefined) return known;
  simulator.openAccount(DEMO_ACCOUNT);
  for (const [asset, amount] of Object.entries(DEMO_BALANCES)) {
    deposit(simulator.state, DEMO_ACCOUNT, asset, fixed(amount));
  }
  return simulator.addKey(DEMO_ACCOUNT);
}

function report(
  options: SimulatorOptions,
  simulator: Simulator,
  url: string,
  adminUrl: string,
  adminToken: string,
  key: ApiKey,
): void {
  const { apiKey, secret } = key;
  const { uid } = simulator.openAccount(DEMO_ACCOUNT);
  if (options.isJson) {
    console.log(JSON.stringify({ event: "ready", url, uid, apiKey, secret, adminUrl, adminToken }));
    return;
  }
  const balances = Object.entries(DEMO_BALANCES).map(([asset, amount]) => `${amount} ${asset}`).join(", ");
  console.log(
    `REST API     ${url}/api/v3\nAPI key      ${apiKey}\nSecret       ${secret}\nAccount      ${uid}, began with ${balances}\n` +
      `Admin API    ${adminUrl}\nAdmin token  ${adminToken}\nSeed         ${options.seed}\n\nCtrl-C ends it.`,
  );
}

function portTaken(option: string, port: number): (error: unknown) => never {
  return (error) => {
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (!isTaken) throw error;
    throw new Error(`Port ${port} is in use. Take another one with ${option} (0 takes a free one).`);
  };
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of STOP_SIGNALS) Deno.addSignalListener(signal, () => resolve());
  });
}
