/** Exchange accounts that rules stand against. No exchange is asked: those rules deny before any call. */
import type { Sql } from "postgres";
import type { RiskCase } from "./risk_cases.ts";

/** What goes wrong about a live trader's account before it decides. */
export type ExchangeMoment = "set aside" | "no slot left" | "stage taken away";

/** The moments that need an exchange account. */
export function exchangeMomentOf({ moment }: RiskCase): ExchangeMoment | null {
  return moment === "set aside" || moment === "no slot left" || moment === "stage taken away" ? moment : null;
}

/**
 * Gives a live trader's owner an exchange account and lets the moment come over it. `symbol` is what is to be decided
 * about. From the first account of production on the stack's clock cannot be set any more.
 */
export async function meetMoment(
  sql: Sql,
  userId: string,
  moment: ExchangeMoment,
  symbol: string,
): Promise<void> {
  const isProduction = moment === "stage taken away";
  if (isProduction) {
    await sql`insert into trading.rollout_members (user_id, stage) values (${userId}, 'general')`;
  }
  const accountId = await connect(sql, userId, isProduction ? "production" : "simulator");
  switch (moment) {
    case "set aside":
      await sql`
        select trading.quarantine(${accountId}, ${symbol}, null, 'coins_missing', 'Coins are not there.', '{}', trading.engine_now())`;
      break;
    case "no slot left":
      await sql`update public.instruments set max_algo_orders = 1 where symbol = ${symbol}`;
      break;
    case "stage taken away":
      await sql`delete from trading.rollout_members where user_id = ${userId}`;
  }
}

/** An account as after its first comparison, which found what was to be found; the exchange's clock is known. */
async function connect(sql: Sql, userId: string, environment: string): Promise<string> {
  return await sql.begin(async (tx) => {
    const [row] = await tx<{ id: string }[]>`
      select trading.connect_exchange_account(${userId}, ${environment}, ${userId}, ${`key-${userId}`}, ${`secret-${userId}`}) as id`;
    await tx`
      with compared as (delete from trading.jobs where payload ->> 'account_id' = ${row!.id} returning id)
      insert into trading.account_checks (account_id, job_id, cause, started_at, finished_at, is_whole, asset_count, order_count, fill_count,
        unsettled_assets, differences)
      select ${
      row!.id
    }, id, 'connected', trading.engine_now(), trading.engine_now(), true, 0, 0, 0, '{}', '[]' from compared`;
    await tx`
      insert into trading.exchange_clocks (environment, offset_ms, uncertainty_ms, measured_at)
      values (${environment}, 0, 1, trading.engine_now())
      on conflict (environment) do update set measured_at = excluded.measured_at`;
    return row!.id;
  });
}
