/** The demo's user and two traders that differ in how they enter and how they size. */
import type { Sql } from "postgres";
import { seedUser } from "../../local/users.ts";
import { hireTrader, type Limits, type TraderSettings } from "../lib/desk.ts";

/** A trader of the demo. */
export interface DemoTrader {
  readonly id: string;
  readonly name: string;
  readonly entersAt: "market" | "limit";
}

/** The demo's user, who can sign in, and the traders. */
export interface DemoDesk {
  readonly userId: string;
  readonly traders: readonly DemoTrader[];
}

export const DEMO_EMAIL = "demo@fillbase.test";

interface Plan {
  readonly name: string;
  readonly entersAt: "market" | "limit";
  readonly settings: TraderSettings;
  readonly limits: Limits;
}

const PLANS: readonly Plan[] = [
  {
    name: "Momentum",
    entersAt: "market",
    settings: {
      description: "Enters at the market with 500 USDT each.",
      entry_order_type: "market",
      sizing_method: "fixed_quote",
      sizing_value: 500,
      max_slippage_percent: 0.3,
    },
    limits: {
      max_position_quote: 600,
      max_exposure_quote: 2_000,
      max_open_positions: 4,
      max_open_positions_per_symbol: 1,
      max_stop_distance_percent: 5,
      min_confidence: 55,
    },
  },
  {
    name: "Pullback",
    entersAt: "limit",
    settings: {
      description: "Waits at a limit below the market, risks 0.2 % of its equity a position.",
      entry_order_type: "limit",
      entry_timeout_seconds: 45,
      sizing_method: "risk_percent",
      sizing_value: 0.2,
    },
    limits: {
      max_position_quote: 2_500,
      max_exposure_percent: 60,
      max_open_positions: 4,
      max_open_positions_per_symbol: 2,
      max_stop_distance_percent: 5,
      min_confidence: 60,
    },
  },
];

/**
 * Makes the demo's user and traders, or finds those of an earlier start. A trader that is there already keeps what its
 * owner has changed since; the password is the given one.
 */
export async function openDemoDesk(sql: Sql, password: string): Promise<DemoDesk> {
  const userId = await seedUser(sql, { email: DEMO_EMAIL, password });
  const traders: DemoTrader[] = [];
  for (const plan of PLANS) {
    const { name, entersAt, settings, limits } = plan;
    const [known] = await sql<{ id: string }[]>`
      select id from public.traders where user_id = ${userId} and name = ${name} order by created_at limit 1`;
    const id = known?.id ?? await hireTrader(sql, { userId, name, settings, limits });
    traders.push({ id, name, entersAt });
  }
  return { userId, traders };
}
