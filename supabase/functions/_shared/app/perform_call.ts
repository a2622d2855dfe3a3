/** One call of the engine's to a venue: open the key, ask, hand back what happened. */
import type { ExchangeKey, VenueAnswer } from "../domain/venue.ts";
import type { VenueCall } from "../domain/venue_call.ts";
import type { Secrets } from "../ports/secrets.ts";
import type { Leave, Venue } from "../ports/venue.ts";

/** The server's time is asked without a key. */
const NO_KEY: ExchangeKey = { apiKey: "", secret: "" };

/**
 * Performs a call. The key is opened for this call alone, and what that takes counts against the call's window.
 * Throws `EngineError` when the key cannot be opened; then nothing was sent.
 */
export async function performCall(
  call: VenueCall,
  venue: Venue,
  secrets: Secrets,
  monotonicMs: () => number,
): Promise<VenueAnswer> {
  const receivedAt = monotonicMs();
  const key = call.asked.action === "server_time" ? NO_KEY : await secrets.open(call.id);
  const sendWithinMs = call.window.sendWithinMs - (monotonicMs() - receivedAt);
  return await ask(call, venue, { key, window: { ...call.window, sendWithinMs } });
}

function ask(call: VenueCall, venue: Venue, leave: Leave): Promise<VenueAnswer> {
  const { asked } = call;
  const symbol = call.symbol ?? "";
  switch (asked.action) {
    case "submit":
      return venue.submit(symbol, asked.request, leave);
    case "submit_pair":
      return venue.submitPair(symbol, asked.request, leave);
    case "cancel":
      return venue.cancel(symbol, asked.request, leave);
    case "replace":
      return venue.replace(symbol, asked.request, leave);
    case "lookup":
      return venue.lookup(symbol, asked.request, leave);
    case "fills":
      return venue.fills(symbol, asked.request, leave);
    case "open_orders":
      return venue.openOrders(call.symbol, leave);
    case "balances":
      return venue.balances(leave);
    case "server_time":
      return venue.serverTime();
  }
}
