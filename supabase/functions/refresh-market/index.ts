/**
 * One poll of the market, rung by the schedule: quotes of the symbols that matter, with their extremes since the last
 * poll, handed to `apply_prices`. Its period on a hosted project is the schedule's: 2 s.
 */
import { answerError, isSecretKey, readBell } from "../_shared/adapters/bell_http.ts";
import { RequestError } from "../_shared/adapters/http_body.ts";
import { MarketRpc } from "../_shared/adapters/market_rpc.ts";
import { BinanceMarket } from "../_shared/adapters/market/binance.ts";
import { consoleLog } from "../_shared/adapters/log_console.ts";
import { refreshMarket } from "../_shared/app/refresh_market.ts";
import { parseEnvironment, venueUrlVariable } from "../_shared/contracts/environment.ts";

const log = consoleLog("refresh-market");
// An isolate may be reused; what the source learned of the hosts' health then saves calls, nothing depends on it.
const source = new BinanceMarket({ now: Date.now });

async function handle(request: Request): Promise<Response> {
  try {
    const env = Deno.env.toObject();
    const environment = parseEnvironment(env);
    const bell = await readBell(request);
    const store = new MarketRpc(environment, env[venueUrlVariable("production")] === undefined);
    const isAllowed = bell.token ? await store.isBellValid(bell.token) : isSecretKey(request, environment);
    if (!isAllowed) {
      throw new RequestError(401, "bell_invalid", "the doorbell's signature is wrong or older than 60 s");
    }
    const summary = await refreshMarket(source, store, Date.now());
    log("info", "market_refreshed", { ...summary });
    return Response.json(summary);
  } catch (error) {
    log("warning", "market_not_refreshed", { message: String(error) });
    return answerError(error);
  }
}

export default { fetch: handle };
