/**
 * `deno task testnet`: orders of every kind through the whole engine on Binance's testnet or (`--demo`) its demo trading,
 * with the caller's keys; then database and exchange are compared. `--production` does five small trades with real money,
 * each confirmed by hand. Exit code 0: everything agrees; 1: it does not, or something broke; 2: key, argument or account
 * cannot be used, and nothing was started.
 */
import { Decimal } from "decimal.js";
import { TextLineStream } from "../local/text_lines.ts";
import { checkQuietBooks } from "./lib/desk.ts";
import { compareAccount } from "./lib/exchange_comparison.ts";
import { startThrowawayStack } from "./lib/throwaway_stack.ts";
import { connect } from "./testnet/connection.ts";
import { type Floor, openFloor } from "./testnet/floor.ts";
import { renderReport, reportTrade, type RunReport, type TradeReport } from "./testnet/report.ts";
import { parseFlags, type Target, targetOf, UnusableError } from "./testnet/target.ts";
import { decideOn, PRODUCTION_CASES, TESTNET_CASES, type TradeCase } from "./testnet/trades.ts";

/** What is asked of live trading: an entry takes less than this on average (ms). */
const ASKED_AVERAGE_MS = 500;
const flags = parseFlags(Deno.args);
const isProduction = flags.environment === "production";
const cases = isProduction ? PRODUCTION_CASES : TESTNET_CASES;
const interruption = Promise.withResolvers<null>();
let isInterrupted = false;
let lines: AsyncIterator<string> | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupt);
Deno.exit(
  await main().catch((error) => {
    say(error instanceof Error ? error.message : String(error));
    return error instanceof UnusableError ? 2 : 1;
  }),
);

async function main(): Promise<number> {
  const target = targetOf(flags, Deno.env.toObject());
  const connection = await connect(target);
  if (flags.isForUid) {
    console.log(connection.uid);
    return 0;
  }
  const stack = await startThrowawayStack({ env: { [target.urlVariable]: target.url } });
  try {
    const report = await run(await openFloor(stack, target, connection));
    console.log(flags.json ? JSON.stringify(report) : renderReport(report));
    return report.troubles.length === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
}

/** Ctrl-C leaves nothing open at the exchange, so it does not end the program by itself. */
function interrupt(): void {
  if (isInterrupted) return;
  isInterrupted = true;
  interruption.resolve(null);
  say("what is open is closed, then this ends");
}

async function run(floor: Floor): Promise<RunReport> {
  const trades: TradeReport[] = [];
  const troubles: string[] = [];
  try {
    const traders = {
      quick: await floor.hire("quick", {}),
      patient: await floor.hire("patient", { entry_order_type: "limit", entry_timeout_seconds: 600 }),
      hasty: await floor.hire("hasty", { entry_order_type: "limit", entry_timeout_seconds: 2 }),
    };
    for (const one of cases) {
      if (isInterrupted || (isProduction && !await isConfirmed(one, floor.target))) break;
      say(one.name);
      trades.push(await trade(floor, traders[one.trader], one));
    }
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error));
  } finally {
    await floor.flatten().catch((error) =>
      troubles.push(`NOT EVERYTHING IS CLOSED, look at the exchange: ${error.message}`)
    );
    await floor.close();
  }
  return await finish(floor, trades, troubles);
}

async function trade(floor: Floor, traderId: string, one: TradeCase): Promise<TradeReport> {
  const { stack: { sql }, rest, baseline, target: { symbol } } = floor;
  const before = await usdtOf(floor);
  const signalId = await decideOn(floor, traderId, one);
  const positionId = await floor.until("the decision", async () => {
    const [row] = await sql<{ id: string | null; status: string }[]>`
      select p.id, s.status from public.signals s left join public.positions p on p.signal_id = s.id
      where s.id = ${signalId} and (p.status not in ('created') or s.status = 'rejected')`;
    return row === undefined ? undefined : row.id ?? "";
  });
  if (positionId !== "") {
    await one.then(floor, positionId, signalId);
    await floor.until(`the end of "${one.name}"`, async () => {
      const [open] = await sql`
        select from public.positions where id = ${positionId} and status not in ('closed', 'failed')
        union all select from public.orders where position_id = ${positionId} and finished_at is null`;
      return open === undefined ? true : undefined;
    });
    await floor.quiet();
  }
  const balances = { before, after: await usdtOf(floor) };
  return await reportTrade(
    sql,
    one.name,
    signalId,
    balances,
    await rest.trades(symbol, baseline.tradeIds.get(symbol)),
  );
}

async function usdtOf({ rest }: Floor): Promise<string> {
  const usdt = (await rest.account()).balances.find(({ asset }) => asset === "USDT");
  return new Decimal(usdt?.free ?? 0).plus(usdt?.locked ?? 0).toFixed();
}

async function finish(
  floor: Floor,
  trades: readonly TradeReport[],
  found: readonly string[],
): Promise<RunReport> {
  const { stack: { sql }, user, rest, baseline, target: { environment, symbol } } = floor;
  const compared = await compareAccount(sql, user.accountId, rest, [symbol], baseline).catch((error) => ({
    ...{ orders: 0, fills: 0, assets: 0 },
    differences: [`NOTHING COULD BE COMPARED, look at the exchange: ${error.message}`],
  }));
  const books = await checkQuietBooks(sql);
  const latencies = trades.flatMap(({ latency_ms }) => latency_ms ?? []);
  const average = latencies.length === 0
    ? null
    : Math.round(latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length);
  const troubles = [
    ...found,
    ...trades.length < cases.length ? [`${trades.length} of ${cases.length} trades were done`] : [],
    ...trades.filter(({ verdict }) => verdict !== "passed").map(({ name, verdict }) => `${name}: ${verdict}`),
    ...trades.filter(({ pnl, exchange_pnl }) => !new Decimal(pnl).eq(exchange_pnl))
      .map(({ name, pnl, exchange_pnl }) =>
        `${name}: the PnL is ${pnl}, by the exchange's fills ${exchange_pnl}`
      ),
    ...compared.differences,
    ...Object.entries(books).filter(([, count]) => count !== 0).map(([book, count]) => `${book} is ${count}`),
    ...average !== null && average >= ASKED_AVERAGE_MS ? [`entries took ${average} ms on average`] : [],
  ];
  const latency_ms = {
    average,
    max: latencies.length === 0 ? null : Math.max(...latencies),
    asked_average: ASKED_AVERAGE_MS,
  };
  return { environment, symbol, trades, order_count: compared.orders, latency_ms, books, compared, troubles };
}

/** Real money: whoever runs this says yes to each trade. Asked on standard error, so that `--json` stays clean. */
async function isConfirmed({ name }: TradeCase, target: Target): Promise<boolean> {
  Deno.stderr.writeSync(
    new TextEncoder().encode(
      `REAL MONEY: ${name}, ${target.symbol}, up to ${target.maxQuote} USDT. Type yes: `,
    ),
  );
  lines ??= Deno.stdin.readable
    .pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    .pipeThrough(new TextLineStream())
    .values();
  const line = await Promise.race([lines.next(), interruption.promise]);
  return line !== null && !line.done && line.value.trim() === "yes";
}

function say(words: string): void {
  console.error(`testnet: ${words}`);
}
