/** Users, traders and limits for demos, benchmarks and tests, and the AI's side of the table. */
import type { Sql, TransactionSql } from "postgres";
import { seedUser } from "../../local/users.ts";
import { instrumentRow, quoteRow } from "../../supabase/functions/_shared/contracts/market_rows.ts";
import type { Instrument, Quote } from "../../supabase/functions/_shared/domain/market/types.ts";

/** A user of the desk and the password to sign in with. */
export interface DeskUser {
  readonly id: string;
  readonly email: string;
  readonly password: string;
}

/** Settings of a trader that differ from the table's defaults; column names of `public.traders`. */
export type TraderSettings = Readonly<Record<string, string | number | boolean | null>>;

/** Limits by the column names of `public.risk_limits`. */
export type Limits = Readonly<Record<string, number>>;

/** Limits wide enough for a busy demo. */
export const WIDE_LIMITS: Limits = {
  max_position_quote: 200,
  max_exposure_quote: 5_000,
  max_open_positions: 50,
};

const PASSWORD = "desk-password-1";

/** Makes a confirmed user who can sign in. */
export async function hireUser(sql: Sql, email: string): Promise<DeskUser> {
  return { id: await seedUser(sql, { email, password: PASSWORD }), email, password: PASSWORD };
}

/** Makes a paper trader that executes by itself, with limits unless they are null. `id` makes it reproducible. */
export async function hireTrader(
  sql: Sql,
  trader: {
    id?: string;
    userId: string | null;
    name: string;
    settings?: TraderSettings;
    limits?: Limits | null;
  },
): Promise<string> {
  const row = {
    id: trader.id ?? crypto.randomUUID(),
    user_id: trader.userId,
    name: trader.name,
    auto_execute_trades: true,
  };
  await sql`insert into public.traders ${sql({ ...row, ...trader.settings })}`;
  if (trader.limits !== null && trader.userId !== null) {
    const limits = trader.limits ?? WIDE_LIMITS;
    await asService(
      sql,
      (tx) => tx`select public.set_risk_limits(${tx.json(limits)}, ${row.id}, p_replace => true)`,
    );
  } else {
    // A user's first trader begins with conservative limits; one without any has to lose them.
    await sql`delete from public.risk_limits where trader_id = ${row.id}`;
  }
  return row.id;
}

/** Runs one command with the claims of the service role, as the Data API would. */
export async function asService(sql: Sql, command: (tx: TransactionSql) => Promise<unknown>): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`select set_config('request.jwt.claims', '{"role":"service_role"}', true)`;
    await command(tx);
  });
}

/** Stores instruments as the engine's command does. */
export async function listInstruments(sql: Sql, instruments: readonly Instrument[]): Promise<void> {
  await sql`select trading.apply_instruments(${sql.json(instruments.map(instrumentRow) as never)}, 'desk')`;
}

/** Applies a tick and says what it triggered. */
export async function applyTick(
  sql: Sql,
  quotes: readonly Quote[],
): Promise<{ stops: number; limits: number }> {
  const [row] = await sql`select trading.apply_prices(${sql.json(quotes.map(quoteRow) as never)}) as effect`;
  return row?.["effect"];
}

/** A decision as the AI's backend writes it. */
export interface Decision {
  readonly signalId: string;
  /** Names the decision; without it each run gets ids, and with them paper fills, of its own. */
  readonly analysisId?: string;
  readonly traderId: string;
  readonly symbol: string;
  readonly confidence: number;
  /** The AI's `key_levels`: entry, stopLoss, takeProfit. */
  readonly levels: Readonly<Record<string, unknown>>;
}

/** Writes signals and their `enter_trade` analyses; each call is one commit, as a scanner writes them. */
export async function decide(sql: Sql, decisions: readonly Decision[]): Promise<void> {
  if (decisions.length === 0) return;
  await sql.begin(async (tx) => {
    await tx`insert into public.signals ${
      tx(decisions.map(({ signalId, traderId, symbol }) => ({ id: signalId, trader_id: traderId, symbol })))
    }`;
    await tx`insert into public.signal_analyses ${
      tx(decisions.map((d) => ({
        id: d.analysisId ?? crypto.randomUUID(),
        signal_id: d.signalId,
        trader_id: d.traderId,
        decision: "enter_trade",
        confidence: d.confidence,
        key_levels: tx.json(d.levels as never),
      })))
    }`;
  });
}

/** The six counts that must be zero, by their names. */
export async function checkBooks(sql: Sql): Promise<Readonly<Record<string, number>>> {
  const [row] = await sql`select trading.check_books() as books`;
  return row?.["books"];
}

/** How long work that the schedule has queued a moment ago may take until the books are looked at in quiet (ms). */
const QUIET_MS = 10_000;
const QUIET_POLL_MS = 50;

/** The same where the wall clock runs, and so the schedule: a job that is being done at the first look is not left over. */
export async function checkQuietBooks(sql: Sql): Promise<Readonly<Record<string, number>>> {
  const until = performance.now() + QUIET_MS;
  for (;;) {
    const books = await checkBooks(sql);
    if (books["jobs_left"] === 0 || performance.now() > until) return books;
    await new Promise((resolve) => setTimeout(resolve, QUIET_POLL_MS));
  }
}
