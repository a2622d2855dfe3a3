import { basename } from "node:path";
import { splitSymbol } from "../../supabase/functions/_shared/domain/market/instruments.ts";

/** A recorded file: candles or single trades of one symbol. */
export interface MarketFile {
  readonly kind: "klines" | "trades";
  readonly path: string;
  readonly symbol: string;
}

/** Where the market comes from, as the `--market` option says. */
export type MarketOption =
  | { readonly kind: "auto" }
  | { readonly kind: "binance" }
  | { readonly kind: "simulator"; readonly url: string }
  | { readonly kind: "replay"; readonly files: readonly MarketFile[] }
  | { readonly kind: "synthetic"; readonly seed: number };

/** A `--market` option that cannot be understood; the message says what would be. */
export class MarketOptionError extends Error {
  override readonly name = "MarketOptionError";
}

const FORMS = "auto, binance, replay:FILE[,FILE…], simulator:URL or synthetic:SEED";
const MAX_SEED = 4_294_967_295;

/**
 * Understands `auto`, `binance`, `replay:F1,F2`, `simulator:URL` and `synthetic:SEED`. A replay file is named `SYMBOL_1m_….csv[.gz]`
 * (candles; also `SYMBOL-1m-…`, as in Binance's archive) or `SYMBOL_trades_….csv[.gz]`; `SYMBOL=PATH` gives the
 * symbol to a file of candles with another name. Whether the files exist is found out when the market is opened.
 */
export function parseMarketOption(text: string): MarketOption {
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? undefined : text.slice(colon + 1);
  switch (name) {
    case "auto":
    case "binance":
      if (rest !== undefined) throw new MarketOptionError(`--market ${name} takes nothing after it: ${text}`);
      return { kind: name };
    case "replay":
      return { kind: "replay", files: parseFiles(rest ?? "") };
    case "simulator":
      return { kind: "simulator", url: parseUrl(rest ?? "") };
    case "synthetic":
      return { kind: "synthetic", seed: parseSeed(rest ?? "") };
    default:
      throw new MarketOptionError(`--market ${JSON.stringify(text)} is not known; it is ${FORMS}`);
  }
}

function parseFiles(text: string): MarketFile[] {
  const paths = text.split(",").filter((path) => path !== "");
  if (paths.length === 0) {
    throw new MarketOptionError(
      "--market replay: needs at least one file, as in replay:BTCUSDT_1m_may.csv.gz",
    );
  }
  return paths.map(parseFile);
}

function parseFile(text: string): MarketFile {
  const named = /^([A-Z0-9]+)=(.+)$/.exec(text);
  const found = named ?? /^([A-Z0-9]+)[_-](?:1m|trades)[_-]/.exec(basename(text));
  if (!found) {
    throw new MarketOptionError(
      `--market replay: no symbol in the file name ${
        basename(text)
      }; name it SYMBOL_1m_….csv.gz or write SYMBOL=${text}`,
    );
  }
  const path = named ? named[2]! : text;
  const symbol = found[1]!;
  try {
    splitSymbol(symbol);
  } catch (error) {
    throw new MarketOptionError(`--market replay: ${(error as Error).message}`, { cause: error });
  }
  return { kind: /[_-]trades[_-]/.test(basename(path)) ? "trades" : "klines", path, symbol };
}

/** The part before the path: `http://127.0.0.1:54380`. */
function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search || url.username) {
    throw new MarketOptionError(
      `--market simulator: needs the URL that \`deno task simulator\` prints, not ${JSON.stringify(text)}`,
    );
  }
  return url.origin;
}

function parseSeed(text: string): number {
  const seed = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(seed <= MAX_SEED)) {
    throw new MarketOptionError(
      `--market synthetic: needs a seed from 0 to ${MAX_SEED}, as in synthetic:1, not ${
        JSON.stringify(text)
      }`,
    );
  }
  return seed;
}
