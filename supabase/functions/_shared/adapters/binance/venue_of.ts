/** Which exchange an environment's orders go to. */
import { parseVenueUrls } from "../../contracts/environment.ts";
import type { VenueEnvironment } from "../../domain/venue_call.ts";
import type { Venue } from "../../ports/venue.ts";
import type { OrdersClient } from "./ccxt_orders.ts";
import { type Outside, realOutside } from "./transport.ts";
import { BinanceVenue } from "./venue.ts";

/** One connection for each base URL and isolate; none of them holds a key. */
const clients = new Map<string, Promise<OrdersClient>>();
let reached: Outside | undefined;

/**
 * The venue of an environment: Binance's own address, or where the environment's variable points (`parseVenueUrls`). CCXT
 * begins to load here and not at the first call, whose window would be running by then. Throws when the variables are
 * malformed.
 */
export function venueOf(
  environment: VenueEnvironment,
  variables: Readonly<Record<string, string | undefined>>,
): Venue {
  const url = parseVenueUrls(variables)[environment];
  const outside = reached ??= realOutside();
  const client = () => clientOf(url, outside);
  // A failure to load is the first call's to tell.
  client().catch(() => {});
  return new BinanceVenue(client, outside);
}

function clientOf(url: string, outside: Outside): Promise<OrdersClient> {
  const known = clients.get(url);
  if (known !== undefined) return known;
  const loaded = import("./ccxt_orders.ts").then(({ connectOrders }) => connectOrders(url, outside));
  clients.set(url, loaded);
  // The next call may try again.
  loaded.catch(() => clients.delete(url));
  return loaded;
}
