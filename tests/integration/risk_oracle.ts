/**
 * The loss and exposure figures of a user computed once more, from fills, ledger, reservations and prices alone and in
 * another language than the engine's, so that both can only agree by being right.
 */
import { Decimal } from "decimal.js";
import type { Sql } from "postgres";

/** Digits enough for products of four 18-digit figures. */
const Exact = Decimal.clone({ precision: 80 });
type Amount = InstanceType<typeof Exact>;
const exact = (value: string | number): Amount => new Exact(value);
const ZERO = exact(0);

/** What the oracle knows of one account, in USDT. */
export interface Figures {
  readonly equity: Amount;
  readonly capital: Amount;
  readonly exposure: Amount;
  readonly lossNow: Amount;
  readonly lossAtStops: Amount;
  readonly open: number;
  readonly openBySymbol: ReadonlyMap<string, number>;
  readonly lossStreak: number;
}

/** Everything of one user that figures are made of. */
export interface Ledger {
  readonly accounts: readonly string[];
  readonly takerFee: Amount;
  readonly bids: ReadonlyMap<string, Amount>;
  readonly fills: readonly Row[];
  readonly positions: readonly Row[];
  readonly pending: readonly Row[];
  readonly cash: readonly Row[];
  readonly day: string;
}

type Row = Readonly<Record<string, string>>;

/** Reads the ledger of a user; money as text. */
export async function readLedger(sql: Sql, userId: string): Promise<Ledger> {
  const [settings] = await sql`
    select paper_taker_fee::text as fee, to_char(trading.engine_now() at time zone 'UTC', 'YYYY-MM-DD') as day from trading.settings`;
  const accounts = await sql`select id from trading.accounts where user_id = ${userId} order by id`;
  const bids = await sql`select symbol, bid::text as bid from public.market_prices`;
  const fills = await sql<Row[]>`
    select t.position_id, t.side, t.price::text, t.quantity::text, t.value::text, t.fee::text, t.fee_asset = 'USDT' as in_quote,
      to_char(t.executed_at at time zone 'UTC', 'YYYY-MM-DD') as day
    from public.trades t where t.user_id = ${userId} order by t.sequence`;
  const positions = await sql<Row[]>`
    select p.id, p.account_id, p.symbol, p.status, p.stop_loss_price::text as stop, extract(epoch from p.closed_at)::text as closed_at
    from public.positions p where p.user_id = ${userId} order by p.closed_at`;
  const pending = await sql<Row[]>`
    select r.account_id, r.amount::text as reserved, (o.quantity - o.filled_quantity)::text as quantity, p.stop_loss_price::text as stop
    from trading.reservations r join public.orders o on o.id = r.order_id join public.positions p on p.id = o.position_id
    where p.user_id = ${userId} and r.side = 'BUY' and o.finished_at is null`;
  const cash = await sql<Row[]>`
    select e.account_id, e.bucket, e.asset, sum(e.amount)::text as amount from trading.ledger_entries e
    where e.account_id = any (${accounts.map(({ id }) => id)}) group by 1, 2, 3`;
  return {
    accounts: accounts.map(({ id }) => id),
    takerFee: exact(settings!["fee"]),
    bids: new Map(bids.map(({ symbol, bid }) => [symbol, exact(bid)])),
    fills,
    positions,
    pending,
    cash,
    day: settings!["day"],
  };
}

/** The figures of some of the ledger's accounts together; losses in a row are counted from `resumedAt`, in seconds. */
export function figuresOf(ledger: Ledger, accounts: readonly string[], resumedAt = 0): Figures {
  const mine = (row: Row) => accounts.includes(row["account_id"]!);
  const kept = exact(1).minus(ledger.takerFee);
  const positions = ledger.positions.filter(mine);
  let [exposure, openLoss, stopLoss, realized, open] = [ZERO, ZERO, ZERO, ZERO, 0];
  const openBySymbol = new Map<string, number>();
  for (const position of positions) {
    const held = holdingOf(ledger, position);
    realized = realized.plus(held.realizedToday);
    if (position["status"] === "closed" || position["status"] === "failed") continue;
    const bid = ledger.bids.get(position["symbol"]!)!;
    const at = (price: Amount) => Exact.max(0, held.cost.minus(held.quantity.times(price).times(kept)));
    open += 1;
    openBySymbol.set(position["symbol"]!, (openBySymbol.get(position["symbol"]!) ?? 0) + 1);
    exposure = exposure.plus(held.cost);
    openLoss = openLoss.plus(at(bid));
    stopLoss = stopLoss.plus(at(Exact.min(bid, position["stop"]!)));
  }
  for (const { reserved, quantity, stop } of ledger.pending.filter(mine)) {
    exposure = exposure.plus(reserved!);
    stopLoss = stopLoss.plus(exact(reserved!).minus(exact(quantity!).times(kept).times(stop!).times(kept)));
  }
  return {
    equity: equityOf(ledger, accounts),
    capital: sumOf(ledger.cash.filter((row) => mine(row) && row["bucket"] === "external")).negated(),
    exposure,
    lossNow: openLoss.minus(realized),
    lossAtStops: stopLoss.minus(realized),
    open,
    openBySymbol,
    lossStreak: streakOf(ledger, positions.filter((it) => parseFloat(it["closed_at"] ?? "0") > resumedAt)),
  };
}

/** Quantity, cost and today's result of a position, fill by fill: a base fee makes the quantity smaller. */
function holdingOf(ledger: Ledger, position: Row) {
  let [quantity, cost, total, realizedToday, last] = [ZERO, ZERO, ZERO, ZERO, ZERO];
  let lastDay = "";
  for (const fill of ledger.fills.filter((it) => it["position_id"] === position["id"])) {
    const quoteFee = fill["in_quote"] ? exact(fill["fee"]!) : ZERO;
    const baseFee = fill["in_quote"] ? ZERO : exact(fill["fee"]!);
    if (fill["side"] === "BUY") {
      quantity = quantity.plus(fill["quantity"]!).minus(baseFee);
      cost = cost.plus(fill["value"]!).plus(quoteFee);
      continue;
    }
    const gone = exact(fill["quantity"]!).plus(baseFee);
    const share = gone.equals(quantity) ? cost : cost.times(gone).div(quantity);
    const result = exact(fill["value"]!).minus(quoteFee).minus(share);
    [quantity, cost, total] = [quantity.minus(gone), cost.minus(share), total.plus(result)];
    [last, lastDay] = [exact(fill["price"]!), fill["day"]!];
    if (lastDay === ledger.day) realizedToday = realizedToday.plus(result);
  }
  if (position["status"] === "closed") {
    const dust = quantity.times(last).minus(cost);
    total = total.plus(dust);
    if (lastDay === ledger.day) realizedToday = realizedToday.plus(dust);
  }
  return { quantity, cost, realizedToday, total };
}

/** Cash, and everything else that is owned at the bid: positions and dust. */
function equityOf(ledger: Ledger, accounts: readonly string[]): Amount {
  return ledger.cash.filter((row) => accounts.includes(row["account_id"]!)).reduce(
    (sum, { asset, bucket, amount }) => {
      if (bucket === "cash") return sum.plus(amount!);
      if (bucket !== "position" && bucket !== "dust") return sum;
      return sum.plus(exact(amount!).times(ledger.bids.get(`${asset}USDT`)!));
    },
    ZERO,
  );
}

function streakOf(ledger: Ledger, positions: readonly Row[]): number {
  let streak = 0;
  for (const position of positions.filter(({ status }) => status === "closed")) {
    const { total } = holdingOf(ledger, position);
    if (total.isPositive() && !total.isZero()) streak = 0;
    else if (total.isNegative()) streak += 1;
  }
  return streak;
}

function sumOf(rows: readonly Row[]): Amount {
  return rows.reduce((sum, { amount }) => sum.plus(amount!), ZERO);
}
