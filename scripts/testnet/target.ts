/** What the caller of `deno task testnet` wants traded where: options, keys, and what each environment of Binance asks for. */
import { Command, InvalidArgumentError } from "commander";
import { parseVenueUrls, venueUrlVariable } from "../../supabase/functions/_shared/contracts/environment.ts";
import type { VenueEnvironment } from "../../supabase/functions/_shared/domain/venue_call.ts";
import type { ApiCredentials } from "../lib/binance_rest.ts";

/** Below this an entry could not be left again: Binance's usual notional minimum is 5 USDT. */
const LEAST_QUOTE = 6;
const MOST_QUOTE = 50;

/** What can be traded on: all but the simulator, which stands in for any of them through its variable. */
export type Place = Exclude<VenueEnvironment, "simulator">;

interface PlaceFacts {
  /** Where its keys are made. */
  readonly site: string;
  /** Its variables are `<prefix>_KEY` and `<prefix>_SECRET`. */
  readonly prefix: string;
  /** What such a key needs, for one who has none. */
  readonly needs: string;
  /** How more USDT come into the account. */
  readonly funding: string;
  /** What a position may cost where `--max` does not say it (USDT), and the most that `--max` may say. */
  readonly defaultQuote: number;
  readonly mostQuote: number;
}

/** The places and what differs between them. */
export const PLACES: Readonly<Record<Place, PlaceFacts>> = {
  testnet: {
    site: "testnet.binance.vision",
    prefix: "BINANCE_TESTNET",
    needs: "it gives coins by itself",
    funding: "make a new key there, which comes with coins",
    defaultQuote: 40,
    mostQuote: MOST_QUOTE,
  },
  demo: {
    site: "demo.binance.com",
    prefix: "BINANCE_DEMO",
    needs: "of an ordinary Binance account; it gives coins by itself",
    funding: "reset the balance there",
    defaultQuote: 40,
    mostQuote: MOST_QUOTE,
  },
  production: {
    site: "binance.com",
    prefix: "BINANCE",
    needs: "trading allowed, withdrawals not; at least 10 USDT",
    funding: "pay in, or sell something",
    defaultQuote: 10,
    mostQuote: 10,
  },
};

/** Which account, where, and how much of it. */
export interface Target {
  readonly environment: Place;
  readonly url: string;
  /** The variable that says where the environment is. */
  readonly urlVariable: string;
  readonly key: ApiCredentials;
  readonly symbol: string;
  /** The most that a position may cost, in USDT. */
  readonly maxQuote: number;
}

/** What the command line says. */
export interface Flags {
  readonly environment: Place;
  readonly max: number;
  readonly symbol: string;
  readonly json: boolean;
  /** Nothing is to be traded: whose account is it? */
  readonly isForUid: boolean;
}

/** What was given cannot be used: a key, an argument, an account. Its message says what to do; exit code 2. */
export class UnusableError extends Error {
  override readonly name = "UnusableError";
}

/** Parses the command line. Ends the program with one line and exit code 2 when it cannot be used, with 0 after `--help`. */
export function parseFlags(args: readonly string[]): Flags {
  const program = new Command("testnet")
    .description(
      "Trades orders of every kind on Binance's testnet (BINANCE_TESTNET_KEY, BINANCE_TESTNET_SECRET) and compares database and exchange.",
    )
    .option("--demo", "on Binance's demo trading instead (BINANCE_DEMO_KEY, BINANCE_DEMO_SECRET)", false)
    .option(
      "--production",
      "five small trades with real money (BINANCE_KEY, BINANCE_SECRET), each confirmed",
      false,
    )
    .option("--max <usdt>", `the most a position may cost, from ${LEAST_QUOTE} to ${MOST_QUOTE}`, quote)
    .option("--symbol <symbol>", "what is traded, against USDT", "BTCUSDT")
    .option("--uid", "only ask whether the key can be used, print its account's uid, and end", false)
    .option("--json", "one JSON object on standard output", false)
    .configureOutput({
      outputError: (words, write) =>
        write(`${words.trimEnd().replace(/^error:/, "testnet:").replace(/\.?$/, ".")} See --help.\n`),
    })
    .exitOverride((error) => Deno.exit(error.exitCode === 0 ? 0 : 2));
  const { demo, production, max, symbol, json, uid } = program.parse(args as string[], { from: "user" })
    .opts();
  const refuse = (words: string) => program.error(`error: ${words}`, { exitCode: 2 });
  if (demo && production) refuse("--demo or --production, not both.");
  const environment: Place = production ? "production" : demo ? "demo" : "testnet";
  const { defaultQuote, mostQuote } = PLACES[environment];
  if (max > mostQuote) refuse(`with --${environment} a position costs ${mostQuote} USDT at most.`);
  if (!/^[A-Z0-9]+USDT$/.test(symbol)) refuse("--symbol must be one against USDT, as BTCUSDT.");
  return { environment, max: max ?? defaultQuote, symbol, json, isForUid: uid };
}

/** The account to trade on, by flags and variables; throws {@link UnusableError} when keys are missing or the address is none. */
export function targetOf(
  { environment, max, symbol }: Flags,
  variables: Readonly<Record<string, string | undefined>>,
): Target {
  const { prefix, site, needs } = PLACES[environment];
  const [apiKey, secret] = [variables[`${prefix}_KEY`], variables[`${prefix}_SECRET`]];
  if (!apiKey || !secret) {
    throw new UnusableError(
      `set ${prefix}_KEY and ${prefix}_SECRET to a Spot key of ${site} (${needs}). Nothing was started.`,
    );
  }
  return {
    environment,
    url: addressOf(environment, variables),
    urlVariable: venueUrlVariable(environment),
    key: { apiKey, secret },
    symbol,
    maxQuote: max,
  };
}

function addressOf(environment: Place, variables: Readonly<Record<string, string | undefined>>): string {
  try {
    return parseVenueUrls(variables)[environment];
  } catch (error) {
    throw new UnusableError(`${(error as Error).message}. Nothing was started.`);
  }
}

function quote(value: string): number {
  const n = /^\d+$/.test(value) ? parseInt(value, 10) : NaN;
  if (!(n >= LEAST_QUOTE && n <= MOST_QUOTE)) {
    throw new InvalidArgumentError(`It must be a whole number from ${LEAST_QUOTE} to ${MOST_QUOTE}.`);
  }
  return n;
}
