/**
 * Gives stops and times them in a thread of its own: the thread of a throw-away stack serves the whole platform, and its
 * own business would be taken for the stop's.
 */
import postgres from "postgres";

/** What the thread is told once, before its first stop. */
export interface CallerSettings {
  readonly url: string;
  readonly databaseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * One stop to give: through the function; by the database's command on the thread's own session; or by the command on a
 * session that is opened for it, which has yet to log in, to read its catalogues and to compile.
 */
export interface StopOrder {
  readonly way: "function" | "command" | "cold_command";
  readonly scope: "everyone" | "user";
  /** Whom a command stops; absent: as the scope says. */
  readonly id?: string;
}

/** What a stop took, or why it failed. */
export type StopTimes =
  | {
    readonly stopId: string;
    readonly calledAt: number;
    readonly haltedMs: number;
    readonly answeredMs: number;
  }
  | { readonly failure: string };

const REASON = "an operator stops everyone";
const thread = self as unknown as {
  onmessage: (message: MessageEvent<CallerSettings | StopOrder>) => void;
  postMessage(message: StopTimes | "ready"): void;
};
let settings: CallerSettings;
let sql: postgres.Sql;
let heard: (at: number) => void = () => {};

thread.onmessage = async ({ data }) => {
  if ("url" in data) {
    settings = data;
    sql = connect();
    await sql.listen("stop_heard", () => heard(performance.now()));
    thread.postMessage("ready");
  } else {
    thread.postMessage(await give(data).catch((error) => ({ failure: String(error) })));
  }
};

/** A client with one connection, which it opens when it is first used. */
function connect(): postgres.Sql {
  return postgres(settings.databaseUrl, { max: 1, onnotice: () => {} });
}

/** A notification is delivered when its transaction has committed, and not before. */
async function give({ way, scope, id }: StopOrder): Promise<StopTimes> {
  const committed = new Promise<number>((resolve) => heard = resolve);
  const calledAt = Date.now();
  const startedAt = performance.now();
  const stopId = way === "function"
    ? await post(scope)
    : way === "command"
    ? await command(sql, scope, id)
    : await coldCommand(scope, id);
  const answeredMs = performance.now() - startedAt;
  return { stopId, calledAt, answeredMs, haltedMs: await committed - startedAt };
}

async function post(scope: string): Promise<string> {
  const response = await fetch(`${settings.url}/functions/v1/stop-all`, {
    method: "POST",
    headers: settings.headers,
    body: JSON.stringify({ scope, mode: "halt_and_flatten", reason: REASON }),
  });
  const answer = await response.json();
  if (response.status === 202) return answer.stop_id;
  throw new Error(`stop-all answered ${response.status}: ${JSON.stringify(answer)}`);
}

async function command(session: postgres.Sql, scope: string, id: string | undefined): Promise<string> {
  const [row] = await session`
    select public.stop_trading(${scope}, ${id ?? null}, 'halt_and_flatten', ${REASON}) ->> 'stop_id' as id`;
  return row!["id"];
}

async function coldCommand(scope: string, id: string | undefined): Promise<string> {
  const session = connect();
  try {
    return await command(session, scope, id);
  } finally {
    void session.end();
  }
}
