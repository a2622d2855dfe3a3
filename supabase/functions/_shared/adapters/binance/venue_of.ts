/** Which exchange an environment's orders go to. */
import { parseVenueUrls } from "../../contracts/environment.ts";
import type { VenueEnvironment } from "../../domain/venue_call.ts";
import type { Venue } from "../../ports/venue.ts";
import type { OrdersClient } from "./ccxt_orders.ts";
import { realOutside } from "./transport.ts";
import { BinanceVenue } from "./venue.ts";

/** One connection for each base URL and isolate; none of them holds a key. */
const clients = new Map<string, Promise<OrdersClient>>();
const outside = lazily(realOutside);

/**
 * The venue of an environment: Binance itself, or where BINANCE_PRODUCTION_URL, BINANCE_TESTNET_URL and BINANCE_SIMULATOR_URL point. CCXT
 * begins to load here and not at the first call, whose window would be running by then. Throws when the variables are
 * malformed, and where the runtime cannot open a connection for one request.
 */
export function venueOf(
  environment: VenueEnvironment,
  variables: Readonly<Record<string, string | undefined>>,
): Venue {
  const url = parseVenueUrls(variables)[environment];
  const reached = outside();
  const client = clients.get(url) ?? load(url);
  clients.set(url, client);
  return new BinanceVenue(() => client, reached);
}

async function load(url: string): Promise<OrdersClient> {
  const { connectOrders } = await import("./ccxt_orders.ts");
  return connectOrders(url, outside());
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
