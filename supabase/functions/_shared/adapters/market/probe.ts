import { ServerTime } from "../../contracts/market.ts";
import { BINANCE_HOSTS, type BinanceHost } from "./hosts.ts";

/** Whether Binance's public data can be had from here. */
export type Reachability =
  | { readonly reachable: true; readonly source: BinanceHost["source"]; readonly serverTime: number }
  | { readonly reachable: false; readonly reason: string };

/**
 * Asks every host for its time at once and takes the first real answer; gives up after `deadlineMs` altogether.
 * A page of HTML (a captive portal, a country block) is no answer. Does not load CCXT. Never throws.
 */
export async function isReachable(
  deadlineMs: number,
  hosts: readonly BinanceHost[] = BINANCE_HOSTS,
): Promise<Reachability> {
  const cancel = new AbortController();
  const timer = setTimeout(() => cancel.abort(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
  try {
    return await Promise.any(hosts.map((host) => askTime(host, cancel.signal)));
  } catch (error) {
    const reasons = error instanceof AggregateError ? error.errors : [error];
    return { reachable: false, reason: reasons.map((each) => (each as Error).message).join("; ") };
  } finally {
    clearTimeout(timer);
    cancel.abort();
  }
}

async function askTime(host: BinanceHost, signal: AbortSignal): Promise<Reachability> {
  const { hostname } = new URL(host.url);
  try {
    const response = await fetch(`${host.url}/api/v3/time`, { signal, redirect: "error" });
    const body = await response.text();
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const { serverTime } = ServerTime.parse(JSON.parse(body));
    return { reachable: true, source: host.source, serverTime };
  } catch (error) {
    throw new Error(`${hostname}: ${briefly(error)}`, { cause: error });
  }
}

function briefly(error: unknown): string {
  if (error instanceof SyntaxError || (error as Error)?.name === "ZodError") {
    return "answers, but not as Binance does";
  }
  return error instanceof Error ? error.message.split("\n")[0]! : String(error);
}
