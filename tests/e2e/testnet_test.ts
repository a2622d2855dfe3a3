/** `deno task testnet` as its user runs it, with the simulator in the testnet's place. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type SimulatedAccount, SimulatorProcess } from "../../scripts/lib/simulator_process.ts";

const TESTNET = fileURLToPath(new URL("../../scripts/testnet.ts", import.meta.url));

/** Whoever runs the tests may have keys of their own. */
const NO_KEYS = Object.fromEntries(
  ["BINANCE_TESTNET", "BINANCE_DEMO", "BINANCE"].flatMap((prefix) => [
    [`${prefix}_KEY`, ""],
    [`${prefix}_SECRET`, ""],
  ]),
);

async function testnet(env: Record<string, string>, args: readonly string[], stdin = "") {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", TESTNET, ...args],
    env: { ...NO_KEYS, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

async function withExchange(
  body: (simulator: SimulatorProcess, key: SimulatedAccount) => Promise<void>,
) {
  const simulator = await SimulatorProcess.start(3);
  try {
    // Some coins of the owner's own: they are none of the engine's business.
    const key = await simulator.openAccount("owner", { USDT: "1000", BTC: "0.5", BNB: "2" });
    await simulator.admin("PATCH", "/accounts", { id: "owner", paysFeesInBnb: true });
    await simulator.admin("POST", "/market/price", { symbol: "BTCUSDT", price: "60000" });
    await simulator.admin("POST", "/market/price", { symbol: "BNBUSDT", price: "600" });
    await body(simulator, key);
  } finally {
    await simulator.stop();
  }
}

Deno.test("orders of every kind end closed, and every figure is the exchange's", () =>
  withExchange(async (simulator, { apiKey, secret }) => {
    const { code, out, err } = await testnet(
      { BINANCE_TESTNET_KEY: apiKey, BINANCE_TESTNET_SECRET: secret, BINANCE_TESTNET_URL: simulator.url },
      ["--json"],
    );
    assert.equal(code, 0, `${err}${out}`);
    const report = JSON.parse(out);
    assert.deepEqual(report.troubles, []);
    assert.ok(report.order_count >= 20, `${report.order_count} orders`);
    for (const { verdict, rule_count, decision, decided_at, submitted_at } of report.trades) {
      assert.equal(verdict, "passed");
      assert.ok(rule_count > 10, `${rule_count} rules`);
      assert.match(decision, /^enter_trade BTCUSDT, entry \d.*, stop \d.*, targets \d.*, confidence 80$/);
      assert.ok(decided_at < submitted_at, `${decided_at} ${submitted_at}`);
    }
    assert.ok(report.latency_ms.average < 500);
    assert.ok(!`${out}${err}`.includes(apiKey) && !`${out}${err}`.includes(secret));
    const { leaks } = await simulator.state();
    assert.deepEqual(leaks, {});
  }));

Deno.test("without keys it says what it needs, and starts nothing", async () => {
  const { code, err } = await testnet({}, []);
  assert.equal(code, 2);
  assert.match(err, /BINANCE_TESTNET_KEY and BINANCE_TESTNET_SECRET/);
  const demo = await testnet({}, ["--demo"]);
  assert.deepEqual([demo.code, demo.out], [2, ""]);
  assert.match(demo.err, /^testnet: set BINANCE_DEMO_KEY and BINANCE_DEMO_SECRET .*\n$/);
});

Deno.test("asked for the uid of a key it prints that alone, and trades nothing", () =>
  withExchange(async (simulator, { uid, apiKey, secret }) => {
    const { code, out, err } = await testnet(
      { BINANCE_KEY: apiKey, BINANCE_SECRET: secret, BINANCE_PRODUCTION_URL: simulator.url },
      ["--production", "--uid"],
    );
    assert.deepEqual([code, out, err], [0, `${uid}\n`, ""]);
  }));

Deno.test("arguments that cannot be used are refused with one line and exit code 2", async () => {
  for (
    const [args, words] of [
      [["--production", "--max", "11"], /with --production a position costs 10 USDT at most/],
      [["--demo", "--production"], /--demo or --production, not both/],
      [["--max", "51"], /It must be a whole number from 6 to 50/],
      [["--symbol", "BTCEUR"], /--symbol must be one against USDT/],
      [["--live"], /unknown option '--live'/],
    ] as const
  ) {
    const { code, out, err } = await testnet({}, args);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /^testnet: .* See --help\.\n$/);
    assert.match(err, words);
  }
});

Deno.test("an exchange that is not there, or refuses the key, is told with what to look at, and nothing is started", () =>
  withExchange(async (simulator, { apiKey, secret }) => {
    const keys = { BINANCE_TESTNET_KEY: apiKey, BINANCE_TESTNET_SECRET: secret };
    const nowhere = await testnet({ ...keys, BINANCE_TESTNET_URL: "http://127.0.0.1:1" }, []);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.err, /no connection.*BINANCE_TESTNET_URL.*Nothing was started\./);
    const wrong = { ...keys, BINANCE_TESTNET_SECRET: "another", BINANCE_TESTNET_URL: simulator.url };
    const refused = await testnet(wrong, []);
    assert.equal(refused.code, 2);
    assert.match(
      refused.err,
      /^testnet: .*-1022.*Is BINANCE_TESTNET_SECRET the secret.*Nothing was started\.\n$/,
    );
  }));

Deno.test("with real money only what was confirmed is traded, and never for more than the maximum", () =>
  withExchange(async (simulator, { apiKey, secret }) => {
    const { code, out, err } = await testnet(
      { BINANCE_KEY: apiKey, BINANCE_SECRET: secret, BINANCE_PRODUCTION_URL: simulator.url },
      ["--production", "--max", "10", "--json"],
      "yes\nyes\nno\n",
    );
    assert.equal(code, 1);
    assert.equal(err.match(/REAL MONEY/g)?.length, 3);
    const { trades, troubles, order_count } = JSON.parse(out);
    assert.deepEqual(troubles, ["2 of 5 trades were done"]);
    assert.equal(order_count, 8);
    for (const { fills, pnl } of trades) {
      assert.match(fills[0], /^BUY 0\.00016 at 60000/);
      assert.ok(pnl.startsWith("-0.0144"), `two fees of 0.075 % in BNB: ${pnl}`);
    }
  }));
