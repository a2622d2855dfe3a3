import { div, type Fixed, mul } from "../core/fixed.ts";
import { balanceOf } from "./accounts.ts";
import type { Account, ExchangeState, Market, Side } from "./model.ts";

/** Share of the commission that remains when it is paid in BNB. */
export const BNB_DISCOUNT: Fixed = 75_000_000n;
const BNB = "BNB";

export interface Commission {
  readonly asset: string;
  readonly amount: Fixed;
}

interface Received {
  readonly side: Side;
  readonly quantity: Fixed;
  readonly quote: Fixed;
  readonly rate: Fixed;
}

/**
 * What a trade costs: a share of what is received (base on a buy, quote on a sell), or its value in BNB where the
 * account wants that and has enough; else the full fee of the asset received.
 */
export function commissionOf(
  state: ExchangeState,
  market: Market,
  account: Account,
  received: Received,
): Commission {
  const { side, quantity, quote, rate } = received;
  const asset = side === "BUY" ? market.rules.baseAsset : market.rules.quoteAsset;
  if (account.paysFeesInBnb) {
    const amount = amountInBnb(state, market, received);
    if (amount !== null && amount <= balanceOf(account, BNB).free) return { asset: BNB, amount };
  }
  return { asset, amount: mul(side === "BUY" ? quantity : quote, rate) };
}

function amountInBnb(state: ExchangeState, { rules }: Market, received: Received): Fixed | null {
  const rate = mul(received.rate, BNB_DISCOUNT);
  if (rules.baseAsset === BNB) return mul(received.quantity, rate);
  if (rules.quoteAsset === BNB) return mul(received.quote, rate);
  const price = state.markets.get(`${BNB}${rules.quoteAsset}`)?.lastPrice ?? 0n;
  return price === 0n ? null : div(mul(received.quote, rate), price);
}
