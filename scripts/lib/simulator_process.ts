/** The Binance simulator as the program that it is: started, driven over its admin API, and ended. */
import { fileURLToPath } from "node:url";
import { Decimal } from "decimal.js";
import type { Quote } from "../../supabase/functions/_shared/domain/market/types.ts";
import type { ApiCredentials } from "./binance_rest.ts";

const MAIN = fileURLToPath(new URL("../../simulator/main.ts", import.meta.url));
/**
 * Runs the program beside a shell that reads from us: when we close the pipe, or are gone, even by kill -9, it is ended.
 * The shell lets go of the output, so that the output ends with the program.
 */
const TIED_TO_US =
  'trap "" INT TERM HUP; "$@" & child=$!; exec >&-; cat >/dev/null; kill -TERM $child 2>/dev/null; wait $child';
/** A share of less than this is no share: the program is asked for its kinds of faults, and none of them hits. */
const NO_HITS = 1e-9;

/** What the program says of itself once it is ready. */
interface Ready {
  readonly url: string;
  readonly adminUrl: string;
  readonly adminToken: string;
}

/** A rule as the admin API lists it. */
interface FaultRule {
  readonly kind: string;
  readonly isExecuted: boolean;
  readonly ms: number;
}

/** What the simulator knows about itself. */
export interface SimulatorState {
  readonly now: number;
  /** Assets that do not add up over all accounts: none, or the simulator is broken. */
  readonly leaks: Readonly<Record<string, string>>;
}

/** One request as the simulator saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly fault: string | null;
  readonly status: number | null;
}

/** An account of the simulator with a key. */
export interface SimulatedAccount extends ApiCredentials {
  readonly uid: string;
}

/** See the top of the file. Start with `start`, end with `stop`. */
export class SimulatorProcess {
  #faults: readonly FaultRule[] = [];

  private constructor(
    private readonly shell: Deno.ChildProcess,
    private readonly reader: ReadableStreamDefaultReader<string>,
    private readonly ready: Ready,
  ) {}

  /** Starts the program with a market that moves by the admin alone. Throws when it does not say that it is ready. */
  static async start(seed: number): Promise<SimulatorProcess> {
    const args = [
      "--json",
      "--port",
      "0",
      "--market",
      "still",
      "--seed",
      `${seed}`,
      "--faults",
      `${NO_HITS.toFixed(9)}`,
    ];
    const program = [Deno.execPath(), "run", "-A", "--no-check", MAIN, ...args];
    const shell = new Deno.Command("/bin/sh", {
      args: ["-c", TIED_TO_US, "simulator", ...program],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = shell.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("\n")) {
      const { value, done } = await reader.read();
      if (done) {
        await end(shell);
        throw new Error("the simulator ended before it was ready");
      }
      text += value;
    }
    const simulator = new SimulatorProcess(shell, reader, JSON.parse(text) as Ready);
    simulator.#faults = await simulator.admin("GET", "/faults") as FaultRule[];
    await simulator.clearFaults();
    return simulator;
  }

  /** Where its REST API is. */
  get url(): string {
    return this.ready.url;
  }

  /** A request of the admin API; its answer as parsed JSON. Throws what the program has against it. */
  async admin(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${this.ready.adminUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.ready.adminToken}` },
      body: body === undefined ? null : JSON.stringify(body),
    }).catch(() => {
      throw new Error(`the simulator is gone: ${method} ${path} was not answered`);
    });
    const json = await answer.json();
    if (answer.status !== 200) {
      throw new Error(`the simulator refuses ${method} ${path}: ${JSON.stringify(json)}`);
    }
    return json;
  }

  /** Opens an account with these balances (decimal text by asset) and gives it a key. */
  async openAccount(id: string, balances: Readonly<Record<string, string>>): Promise<SimulatedAccount> {
    const { uid } = await this.admin("POST", "/accounts", { id, balances }) as { uid: number };
    const { apiKey, secret } = await this.admin("POST", "/keys", { accountId: id }) as ApiCredentials;
    return { uid: String(uid), apiKey, secret };
  }

  /**
   * Moves a symbol's market to a quote: first to its extremes, the nearer one before the farther, then to where it stands.
   * At each price there is a book of the quote's own size, and a trade.
   */
  async move(quote: Quote): Promise<void> {
    const { symbol, bidQty, askQty } = quote;
    for (const price of pathOf(quote)) {
      const isLast = price === quote.last;
      const [bid, ask] = isLast ? [quote.bid, quote.ask] : [price, null];
      await this.admin("POST", "/market/book", {
        symbol,
        bids: [[bid, bidQty]],
        asks: ask === null ? [] : [[ask, askQty]],
      });
      await this.admin("POST", "/market/trade", {
        symbol,
        price,
        quantity: bidQty,
        isBuyerMaker: quote.last === quote.bid,
      });
    }
  }

  /** From now on this share (0 to 1) of all requests meets a fault, every kind as likely. */
  async setFaults(share: number): Promise<void> {
    await this.clearFaults();
    const each = share / this.#faults.length;
    for (const [at, { kind, isExecuted, ms }] of share > 0 ? this.#faults.entries() : []) {
      // A rule is asked only about requests that those before it have let pass.
      const probability = Math.min(1, each / (1 - at * each));
      await this.admin("POST", "/faults", { kind, isExecuted, ms, times: null, probability });
    }
  }

  async clearFaults(): Promise<void> {
    await this.admin("DELETE", "/faults");
  }

  async state(): Promise<SimulatorState> {
    return await this.admin("GET", "/state") as SimulatorState;
  }

  async requests(): Promise<readonly SeenRequest[]> {
    return await this.admin("GET", "/requests") as SeenRequest[];
  }

  /** Ends the program, unless it has ended before. */
  async stop(): Promise<void> {
    await end(this.shell);
    await this.reader.cancel();
  }
}

async function end(shell: Deno.ChildProcess): Promise<void> {
  // Where the pipe is closed already, so is the rest.
  await shell.stdin.close().catch(() => {});
  await shell.status;
}

function pathOf({ high, low, last }: Quote): string[] {
  const isHighNearer = new Decimal(high).minus(last).lt(new Decimal(last).minus(low));
  const extremes = isHighNearer ? [high, low] : [low, high];
  return [...extremes.filter((price) => price !== last), last];
}
