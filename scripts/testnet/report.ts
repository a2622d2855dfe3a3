/** What became of each trade, in the engine's words and in the exchange's own figures. */
import { Decimal } from "decimal.js";
import type { Sql } from "postgres";
import type { RestTrade } from "../lib/binance_rest.ts";
import type { Comparison } from "../lib/exchange_comparison.ts";

/** One trade from signal to balance; amounts are decimal text, in USDT where nothing else is said. */
export interface TradeReport {
  readonly name: string;
  readonly signal: string;
  /** When it was decided. */
  readonly decided_at: string;
  /** What was decided, with its levels, in words. */
  readonly decision: string;
  /** `passed`, or `denied: ` and why. */
  readonly verdict: string;
  /** How many rules were evaluated for the verdict. */
  readonly rule_count: number;
  readonly orders: readonly string[];
  readonly submitted_at: string | null;
  readonly fills: readonly string[];
  readonly position: string;
  readonly fees: string;
  readonly balance_before: string;
  readonly balance_after: string;
  readonly pnl: string;
  /** From the exchange's own fills: sold less bought less fees, and what is left over as dust at its cost. */
  readonly exchange_pnl: string;
  /** From the decision to the recorded answer of the entry, the exchange's part included. */
  readonly latency_ms: number | null;
  /** What of it was the exchange's. */
  readonly exchange_ms: number | null;
}

/** The whole run, as `--json` prints it. */
export interface RunReport {
  readonly environment: string;
  readonly symbol: string;
  readonly trades: readonly TradeReport[];
  readonly order_count: number;
  readonly latency_ms: {
    readonly average: number | null;
    readonly max: number | null;
    readonly asked_average: number;
  };
  readonly books: Readonly<Record<string, number>>;
  readonly compared: Comparison;
  /** What is not as it must be, in words; empty: the run is right. */
  readonly troubles: readonly string[];
}

interface PositionRow {
  readonly id: string;
  readonly symbol: string;
  readonly status: string;
  readonly reason: string;
  readonly pnl: string;
  readonly fees: string;
  readonly dust_value: string;
  readonly third_fees: string;
  readonly latency_ms: number | null;
  readonly exchange_ms: number | null;
  readonly submitted_at: Date | null;
}

type Judgement = Pick<TradeReport, "decided_at" | "decision" | "verdict" | "rule_count">;

interface OrderRow {
  readonly binance_order_id: string | null;
  readonly words: string;
}

/** Reads a trade's rows, and computes its result a second time from the exchange's fills. */
export async function reportTrade(
  sql: Sql,
  name: string,
  signal: string,
  balances: { readonly before: string; readonly after: string },
  exchangeFills: readonly RestTrade[],
): Promise<TradeReport> {
  const row = await readPosition(sql, signal);
  const orders = row === undefined ? [] : await readOrders(sql, row.id);
  const ids = new Set(orders.map(({ binance_order_id }) => binance_order_id));
  const fills = exchangeFills.filter(({ orderId }) => ids.has(`${orderId}`));
  const common = {
    ...{ name, signal, balance_before: balances.before, balance_after: balances.after },
    ...await readJudgement(sql, signal),
  };
  if (row === undefined) return { ...common, ...NOTHING };
  return {
    ...common,
    orders: orders.map(({ words }) => words),
    submitted_at: row.submitted_at?.toISOString() ?? null,
    fills: fills.map((fill) => wordsOf(fill)),
    position: row.reason === "" ? row.status : `${row.status} (${row.reason})`,
    fees: row.fees,
    pnl: row.pnl,
    exchange_pnl: pnlOf(fills).plus(row.dust_value).minus(row.third_fees).toFixed(),
    latency_ms: row.latency_ms,
    exchange_ms: row.exchange_ms,
  };
}

const NOTHING = {
  orders: [],
  submitted_at: null,
  fills: [],
  position: "none",
  fees: "0",
  pnl: "0",
  exchange_pnl: "0",
  latency_ms: null,
  exchange_ms: null,
};

/** Sold less bought, less the commission that was taken in the quote asset. */
export function pnlOf(fills: readonly RestTrade[]): Decimal {
  return fills.reduce((sum, { price, qty, commission, commissionAsset, isBuyer }) => {
    const value = new Decimal(price).mul(qty);
    const fee = commissionAsset === "USDT" ? commission : "0";
    return (isBuyer ? sum.minus(value) : sum.plus(value)).minus(fee);
  }, new Decimal(0));
}

async function readPosition(sql: Sql, signal: string): Promise<PositionRow | undefined> {
  const [row] = await sql<PositionRow[]>`
    select p.id, p.symbol, p.status, coalesce(p.exit_reason, p.failure_code, '') as reason,
      trim_scale(p.realized_pnl)::text as pnl, trim_scale(p.fees_paid)::text as fees, coalesce(p.dust_value, 0)::text as dust_value,
      (select coalesce(sum(t.fee_quote), 0)::text from public.trades t join public.instruments i on i.symbol = t.symbol
       where t.position_id = p.id and t.fee_asset not in (i.base_asset, i.quote_asset)) as third_fees,
      
      round(extract(epoch from j.finished_at - j.enqueued_at) * 1000)::int as latency_ms, round(c.elapsed_ms)::int as exchange_ms,
      c.sent_at as submitted_at
    from public.positions p
    join trading.jobs j on j.signal_id = p.signal_id and j.kind = 'enter'
    left join trading.exchange_calls c on c.job_id = j.id and c.action = 'submit'
    where p.signal_id = ${signal} order by c.id limit 1`;
  return row;
}

/** What was decided first (a later decision may have taken it back), and how risk judged it. */
async function readJudgement(sql: Sql, signal: string): Promise<Judgement> {
  const [row] = await sql<(Omit<Judgement, "decided_at"> & { readonly decided_at: Date })[]>`
    select a.created_at as decided_at, concat_ws(', ', concat_ws(' ', a.decision, s.symbol), 'entry ' || (a.key_levels ->> 'entry'), 'stop ' || (a.key_levels ->> 'stopLoss'),
        'targets ' || (select string_agg(t, ' and ') from jsonb_array_elements_text(a.key_levels -> 'takeProfit') t), 'confidence ' || trim_scale(a.confidence)) as decision,
      case when c.passed then 'passed' else 'denied: ' || coalesce(c.message, s.rejection_reason, 'undecided') end as verdict,
      coalesce(jsonb_array_length(c.rules), 0) as rule_count
    from public.signals s
    join public.signal_analyses a on a.signal_id = s.id
    left join lateral (select * from trading.risk_checks c where c.signal_id = s.id order by c.checked_at desc limit 1) c on true
    where s.id = ${signal} order by a.created_at limit 1`;
  return { ...row!, decided_at: row!.decided_at.toISOString() };
}

async function readOrders(sql: Sql, positionId: string): Promise<OrderRow[]> {
  return await sql<OrderRow[]>`
    select binance_order_id, concat_ws(' ', role, type, side, trim_scale(quantity), '→', state, error_code) as words
    from public.orders where position_id = ${positionId} order by created_at, role`;
}

function wordsOf({ isBuyer, qty, price, commission, commissionAsset }: RestTrade): string {
  const [quantity, at, fee] = [qty, price, commission].map((text) => new Decimal(text).toFixed());
  return `${isBuyer ? "BUY" : "SELL"} ${quantity} at ${at}, fee ${fee} ${commissionAsset}`;
}

/** The report for a reader: one block a trade. */
export function renderReport(report: RunReport): string {
  const blocks = report.trades.map((trade, n) => {
    const lines = [
      ["signal", trade.signal],
      ["decision", `${trade.decision}; ${trade.decided_at}`],
      ["verdict", `${trade.verdict} (${trade.rule_count} rules)`],
      ["submission", trade.submitted_at ?? "none"],
      ...trade.orders.map((words) => ["order", words]),
      ...trade.fills.map((words) => ["fill", words]),
      ["position", trade.position],
      ["fees", `${trade.fees} USDT`],
      ["balance", `${trade.balance_before} USDT before, ${trade.balance_after} USDT after`],
      [
        "latency",
        `${show(trade.latency_ms)} ms from decision to recorded answer, ${
          show(trade.exchange_ms)
        } of them the exchange's`,
      ],
      ["PnL", `${trade.pnl} USDT; by the exchange's fills ${trade.exchange_pnl} USDT`],
    ];
    return `${n + 1}. ${trade.name}\n${
      lines.map(([name, words]) => `   ${name!.padEnd(11)} ${words}`).join("\n")
    }`;
  });
  const { compared, latency_ms } = report;
  return `${blocks.join("\n\n")}\n
${report.order_count} orders on ${report.environment} in ${report.symbol}; ${compared.fills} fills, ${compared.assets} assets and every order compared.
Entries took ${show(latency_ms.average)} ms on average, ${
    show(latency_ms.max)
  } ms at most (asked: below ${latency_ms.asked_average} on average).
${
    report.troubles.length === 0
      ? "Database and exchange agree, the books are zero."
      : report.troubles.join("\n")
  }`;
}

function show(value: number | null): string {
  return value === null ? "-" : `${value}`;
}
