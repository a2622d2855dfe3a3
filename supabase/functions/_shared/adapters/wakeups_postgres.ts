/** NOTIFY from the job queue, over a session that does nothing but listen. */
import postgres from "postgres";
import type { Listening, Wakeups } from "../ports/wakeups.ts";

/** Channel that `trading.ring_bell` notifies. */
const CHANNEL = "fillbase_jobs";
/** Session advisory lock that makes the listener the only one. */
const LOCK = "fillbase_listener";
/** How often a successor asks whether its predecessor has left. */
const LOCK_POLL_MS = 20;
const CLOSE_TIMEOUT_S = 1;

/** Wakeups through the project's database URL. */
export function wakeupsOf(databaseUrl: string): Wakeups {
  return { listen: (patienceMs) => listen(databaseUrl, patienceMs) };
}

async function listen(databaseUrl: string, patienceMs: number): Promise<Listening | null> {
  const sql = postgres(databaseUrl, { max: 1, idle_timeout: 0, max_lifetime: null, onnotice: () => {} });
  try {
    if (!await takeLock(sql, patienceMs)) {
      await sql.end({ timeout: CLOSE_TIMEOUT_S });
      return null;
    }
    const ear = new Ear();
    const { unlisten } = await sql.listen(CHANNEL, () => ear.hear());
    return {
      announced: (timeoutMs) => ear.announced(timeoutMs),
      async leave() {
        await unlisten();
        await sql.end({ timeout: CLOSE_TIMEOUT_S });
      },
    };
  } catch (error) {
    await sql.end({ timeout: CLOSE_TIMEOUT_S });
    throw error;
  }
}

async function takeLock(sql: postgres.Sql, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const [row] = await sql`select pg_try_advisory_lock(hashtextextended(${LOCK}, 0)) as taken`;
    if (row?.["taken"]) return true;
    if (performance.now() >= until) return false;
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

/** Remembers an announcement that came while nobody waited. */
class Ear {
  #heard = false;
  #wake: (() => void) | null = null;

  hear(): void {
    this.#heard = true;
    this.#wake?.();
  }

  async announced(timeoutMs: number): Promise<boolean> {
    if (!this.#heard && timeoutMs > 0) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.#wake = null;
    }
    const heard = this.#heard;
    this.#heard = false;
    return heard;
  }
}
