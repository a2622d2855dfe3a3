/** Users with exchange accounts and live traders, for demos, benchmarks and test runs. */
import type { Sql } from "postgres";
import type { VenueEnvironment } from "../../supabase/functions/_shared/domain/venue_call.ts";
import type { ApiCredentials } from "./binance_rest.ts";
import { type DeskUser, hireTrader, hireUser } from "./desk.ts";

/** A user with an account at the exchange. */
export interface LiveUser extends DeskUser {
  readonly accountId: string;
  readonly key: ApiCredentials;
}

/** An account of the exchange and a key of it. */
export interface ExchangeAccount extends ApiCredentials {
  /** The exchange's own number of the account. */
  readonly uid: string;
}

/** Makes a user of a rollout stage and connects the exchange account, as an operator would. */
export async function hireLiveUser(
  sql: Sql,
  email: string,
  environment: VenueEnvironment,
  { uid, apiKey, secret }: ExchangeAccount,
  stage: string,
): Promise<LiveUser> {
  const user = await hireUser(sql, email);
  await sql`insert into trading.rollout_members (user_id, stage) values (${user.id}, ${stage})`;
  const [row] = await sql<{ id: string }[]>`
    select trading.connect_exchange_account(${user.id}, ${environment}, ${uid}, ${apiKey}, ${secret}, ${email}) as id`;
  return { ...user, accountId: row!.id, key: { apiKey, secret } };
}

/** Makes a live trader over its owner's exchange account; limits must be within the owner's rollout stage. */
export async function hireLiveTrader(
  sql: Sql,
  trader: Omit<Parameters<typeof hireTrader>[1], "userId"> & { userId: string },
): Promise<string> {
  return await hireTrader(sql, { ...trader, settings: { ...trader.settings, paper_trade_mode: false } });
}
