/** The exchange account before anything is started: whose it is, and whether it can be traded on as wanted. */
import { Decimal } from "decimal.js";
import { AnsweredError, BinanceRest, RefusedError } from "../lib/binance_rest.ts";
import { PLACES, type Target, UnusableError } from "./target.ts";

/** The exchange, and whose account the key is of. */
export interface Connection {
  readonly rest: BinanceRest;
  readonly uid: string;
}

/** Binance's codes: of a key (-2015 is also that of a missing permission or address), of its secret, of a symbol. */
const KEY_CODES: ReadonlySet<number | null> = new Set([-2014, -2015, -2008]);
const SIGNATURE_CODE = -1022;
const SYMBOL_CODE = -1121;
/** A country or an address that Binance does not serve. */
const PLACE_STATUSES: ReadonlySet<number> = new Set([403, 451]);
/** Too many requests from this address. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([418, 429]);

/**
 * Asks for the account and for leave to trade. Throws {@link UnusableError} when key, symbol, leave or money are not as
 * wanted, and an error when the exchange cannot be reached or has trouble; each says what to do. Nothing is changed there.
 */
export async function connect(target: Target): Promise<Connection> {
  const { url, key, maxQuote, symbol, environment } = target;
  const { site, funding } = PLACES[environment];
  const rest = new BinanceRest(url, key);
  const { uid, canTrade, balances } = await rest.account().catch((error) => {
    throw explained(error, target);
  });
  if (!canTrade) {
    throw unusable("the exchange does not let this account trade", `Look at the account at ${site}.`);
  }
  await rest.checkTrading(symbol).catch((error) => {
    throw explained(error, target, "It reads the account. ");
  });
  const free = new Decimal(balances.find(({ asset }) => asset === "USDT")?.free ?? "0");
  if (free.lt(maxQuote)) {
    throw unusable(
      `the account has ${free.toFixed()} USDT free, and a position may cost ${maxQuote}`,
      `Lower that with --max, or at ${site}: ${funding}.`,
    );
  }
  return { rest, uid: String(uid) };
}

/** An error of the exchange with what its reader can do about it. `known`: what is known of the key, should it be about that. */
function explained(error: unknown, target: Target, known = ""): Error {
  const { environment, symbol, urlVariable } = target;
  const { prefix, site } = PLACES[environment];
  const what = error instanceof Error ? error.message : String(error);
  if (!(error instanceof AnsweredError)) {
    return failed(what, `Is the exchange at that address (${urlVariable}), and does this machine reach it?`);
  }
  const { code, status } = error;
  if (KEY_CODES.has(code)) {
    return unusable(
      what,
      `${known}Is ${prefix}_KEY a Spot key of ${site} that may trade, and be used from this machine's address?`,
    );
  }
  if (code === SIGNATURE_CODE) return unusable(what, `Is ${prefix}_SECRET the secret of ${prefix}_KEY?`);
  if (code === SYMBOL_CODE) return unusable(what, `Is ${symbol} (--symbol) traded there?`);
  if (BUSY_STATUSES.has(status)) {
    return failed(what, "Too much was asked from this address: wait, then try again.");
  }
  if (PLACE_STATUSES.has(status)) {
    return failed(what, `Binance does not serve every country: see ${urlVariable} in docs/operations.md.`);
  }
  if (!(error instanceof RefusedError)) return failed(what, "Try again later.");
  return failed(
    what,
    code === null
      ? `Is Binance's API at that address (${urlVariable})?`
      : "That code is in Binance's list of errors.",
  );
}

function unusable(what: string, advice: string): UnusableError {
  return new UnusableError(said(what, advice));
}

function failed(what: string, advice: string): Error {
  return new Error(said(what, advice));
}

function said(what: string, advice: string): string {
  return `${what.replace(/\.?$/, ".")} ${advice} Nothing was started.`;
}
