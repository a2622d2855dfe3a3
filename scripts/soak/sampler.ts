/** What is looked at again and again during the real load. */
import type { Sql } from "postgres";
import { loadNow } from "../bench/machine.ts";
import { findPostmaster, type ProcessMemory, readFamily, readMemory } from "./memory.ts";
import type { RealDesk } from "./real_desk.ts";

/** One look. Memory in bytes; null where the system does not tell. */
export interface Sample {
  /** Since the load began. */
  readonly seconds: number;
  /** The Edge Function's processes: two while one hands over to the next. */
  readonly workers: readonly ProcessMemory[];
  /** This process: gateway, Data API, Realtime and schedule of the stack, and the load's own clients. */
  readonly main: ProcessMemory | null;
  /** JavaScript objects of this process, garbage included. */
  readonly mainHeap: number;
  /** Private memory of the server and its sessions. */
  readonly database: number | null;
  /** Processes of the server: its sessions, and half a dozen of its own. */
  readonly sessions: number | null;
  /** The machine's one-minute load average: others may have their share of it. */
  readonly load: number;
  /** Jobs that are due or running. */
  readonly queue: number;
  readonly paperPositions: number;
  readonly livePositions: number;
  /** Unresolved alerts by code. */
  readonly alerts: Readonly<Record<string, number>>;
}

const WORKER = "execute-trade";

/** Takes samples and keeps them. */
export class Sampler {
  readonly samples: Sample[] = [];
  readonly #beganAt = performance.now();

  private constructor(private readonly desk: RealDesk, private readonly postmaster: number | null) {}

  static async open(desk: RealDesk): Promise<Sampler> {
    return new Sampler(desk, Deno.build.os === "linux" ? await findPostmaster(desk.stack.sql) : null);
  }

  async take(): Promise<Sample> {
    const { stack } = this.desk;
    const counts = await countNow(stack.sql);
    const family = this.postmaster === null ? null : readFamily(this.postmaster);
    const sample = {
      seconds: Math.round((performance.now() - this.#beganAt) / 1_000),
      workers: (stack.gateway.functions?.pids(WORKER) ?? []).flatMap((pid) => readMemory(pid) ?? []),
      main: readMemory(Deno.pid),
      mainHeap: Deno.memoryUsage().heapUsed,
      database: family?.own ?? null,
      sessions: family?.processes ?? null,
      load: loadNow(),
      ...counts,
    };
    this.samples.push(sample);
    return sample;
  }
}

async function countNow(
  sql: Sql,
): Promise<Pick<Sample, "queue" | "paperPositions" | "livePositions" | "alerts">> {
  const [row] = await sql<
    { queue: number; paper: number; live: number; alerts: Record<string, number> | null }[]
  >`
    select
      (select count(*) from trading.jobs where status = 'running' or (status = 'queued' and due_at <= now()))::int as queue,
      (select count(*) from public.positions where status in ('open', 'monitoring', 'closing') and is_paper_trade)::int as paper,
      (select count(*) from public.positions where status in ('open', 'monitoring', 'closing') and not is_paper_trade)::int as live,
      (select jsonb_object_agg(a.code, a.n) from (
        select code, count(*) as n from public.alerts where resolved_at is null group by code) a) as alerts`;
  const { queue, paper, live, alerts } = row!;
  return { queue, paperPositions: paper, livePositions: live, alerts: alerts ?? {} };
}
