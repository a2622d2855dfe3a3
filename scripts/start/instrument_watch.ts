/** Filters and statuses of a market that is somebody else's, kept as they are there. */
import type { OpenMarket } from "../../local/market/feed.ts";
import { refreshInstruments } from "../../supabase/functions/_shared/app/refresh_market.ts";
import type { MarketConnection } from "./price_feed.ts";
import { repeat } from "./repeat.ts";

/** How often it is asked whether the engine doubts a symbol (ms). One fetch weighs 20 of Binance's 6 000 a minute. */
const LOOK_EVERY_MS = 5_000;

/** The list of one run is short, so a symbol that is halted is seen long before an order in it is refused. */
const MAX_AGE_MS = 5 * 60 * 1_000;

/** Fetches the instruments again when they are doubted or old, until the signal aborts. */
export async function watchInstruments(
  { fetchInstruments, name }: Pick<OpenMarket, "fetchInstruments" | "name">,
  store: Pick<MarketConnection, "applyInstruments" | "instrumentsUpdatedAt">,
  signal: AbortSignal,
  note: (line: string) => void,
  everyMs = LOOK_EVERY_MS,
): Promise<void> {
  if (fetchInstruments === undefined) return;
  const list = { fetch: fetchInstruments, source: name, isFull: false, maxAgeMs: MAX_AGE_MS };
  await repeat(
    "the list of symbols",
    everyMs,
    signal,
    note,
    () => refreshInstruments(list, store, Date.now()),
  );
}
