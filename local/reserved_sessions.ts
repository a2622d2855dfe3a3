/**
 * Reserved sessions of postgres.js that end with their connection. The driver lets the holder of one write on after
 * the connection was lost, which fails where nobody can catch it, and takes the dead session back into its pool
 * (porsager/postgres#1208, #1215).
 */
import type postgres from "postgres";

/** Counts the connections that a client has lost; give `onclose` to the client's options. */
export class Losses {
  #count = 0;
  readonly onclose = (): void => void this.#count++;

  get count(): number {
    return this.#count;
  }
}

/** Somebody waits this long for a session, as hosted (ms). */
const RESERVE_TIMEOUT_MS = 10_000;

/**
 * Makes `client.reserve()` hand out sessions that reject with CONNECTION_CLOSED once any connection of the client was
 * lost since, without writing, and that are given back only while they live. Which connection it was the driver does
 * not tell; they are lost together when the server dies.
 */
export function endSessionsWithConnections(client: postgres.Sql, losses: Losses): void {
  const reserve = client.reserve.bind(client);
  client.reserve = async () => {
    const session = await withinTime(reserve());
    const before = losses.count;
    const isLost = () => losses.count !== before;
    return new Proxy(session, {
      get(target, property, receiver) {
        if (property === "release") return () => isLost() || target.release();
        if (property === "unsafe" && isLost()) return () => Promise.reject(connectionClosed());
        return Reflect.get(target, property, receiver);
      },
    });
  };
}

/** The driver may forget who waited for a session when the server died; one that comes late goes back. */
async function withinTime(session: Promise<postgres.ReservedSql>): Promise<postgres.ReservedSql> {
  const late = Promise.withResolvers<never>();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    late.reject(connectionClosed());
  }, RESERVE_TIMEOUT_MS);
  void session.then((it) => isLate && it.release(), () => {});
  try {
    return await Promise.race([session, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function connectionClosed(): Error {
  return Object.assign(new Error("the connection to the database was lost"), { code: "CONNECTION_CLOSED" });
}
