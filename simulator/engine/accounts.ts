import { type Fixed, ONE } from "../core/fixed.ts";
import type { Account, Balance, ExchangeState } from "./model.ts";

/** 0.1 % a side. */
const DEFAULT_RATE: Fixed = ONE / 1_000n;
const FIRST_UID = 354_000_001;

export function openAccount(state: ExchangeState, id: string, now: number): Account {
  if (state.accounts.has(id)) throw new Error(`There is an account "${id}" already.`);
  const account: Account = {
    id,
    uid: FIRST_UID + state.accounts.size,
    balances: new Map(),
    makerRate: DEFAULT_RATE,
    takerRate: DEFAULT_RATE,
    paysFeesInBnb: false,
    canTrade: true,
    updatedAt: now,
    openOrders: new Map(),
    openLists: new Set(),
    lateClosed: [],
  };
  state.accounts.set(id, account);
  return account;
}

export function accountOf(state: ExchangeState, id: string): Account {
  const account = state.accounts.get(id);
  if (account === undefined) throw new Error(`There is no account "${id}".`);
  return account;
}

export function balanceOf(account: Account, asset: string): Balance {
  let balance = account.balances.get(asset);
  if (balance === undefined) account.balances.set(asset, balance = { free: 0n, locked: 0n });
  return balance;
}

/** Coins from outside, or out again where `amount` is below zero. */
export function deposit(state: ExchangeState, accountId: string, asset: string, amount: Fixed): void {
  changeFree(accountOf(state, accountId), asset, amount);
  addTo(state.deposits, asset, amount);
}

/** Every change of a balance goes through here or through the holds; below zero is a defect of this program. */
export function changeFree(account: Account, asset: string, amount: Fixed): void {
  const balance = balanceOf(account, asset);
  if (balance.free + amount < 0n) throw new RangeError(`${account.id} would have less than no ${asset}.`);
  balance.free += amount;
}

export function addTo(sums: Map<string, Fixed>, asset: string, amount: Fixed): void {
  sums.set(asset, (sums.get(asset) ?? 0n) + amount);
}

/**
 * By how much each asset fails to add up: what came in must be what the accounts have and what was paid in fees.
 * Empty when nothing was made or lost.
 */
export function findLeaks(state: ExchangeState): Map<string, Fixed> {
  const sums = new Map<string, Fixed>();
  for (const { balances } of state.accounts.values()) {
    for (const [asset, { free, locked }] of balances) addTo(sums, asset, free + locked);
  }
  for (const [asset, amount] of state.fees) addTo(sums, asset, amount);
  for (const flows of [state.deposits, state.outsideFlow]) {
    for (const [asset, amount] of flows) addTo(sums, asset, -amount);
  }
  return new Map([...sums].filter(([, amount]) => amount !== 0n));
}
