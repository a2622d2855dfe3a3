/**
 * One day in virtual time in a process of its own, so that its memory is its own, too; started by `virtual_days.ts` with
 * the day, its hours and its seed. Prints what was seen as one JSON object. An interrupted day ends its database first.
 */
import { CLUSTER_VARIABLE, clusterToEnvironment, startTestCluster } from "../../tests/harness/cluster.ts";
import { cloneDatabase } from "../../tests/harness/database.ts";
import { playLiveDay } from "../../tests/soak/live_day.ts";
import { playPaperDay } from "../../tests/soak/paper_day.ts";
import { readMemory } from "./memory.ts";
import { readTableSizes, type TableSize } from "./table_sizes.ts";
import type { DayName, VirtualDay } from "./virtual_days.ts";

/** Looks at the memory in the course of a day. */
const SAMPLES = 200;

const [name, hours, seed] = [Deno.args[0] as DayName, Number(Deno.args[1]), Number(Deno.args[2])];
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(
    signal,
    () => interrupted.abort(new Error(`the virtual day was ended by ${signal}`)),
  );
}
const cluster = await startTestCluster();
let code = 1;
try {
  Deno.env.set(CLUSTER_VARIABLE, clusterToEnvironment(cluster));
  console.log(JSON.stringify(await play()));
  code = 0;
} catch (error) {
  console.error(`  ${name} day: ${error instanceof Error ? error.message : error}`);
} finally {
  await cluster.stop();
}
Deno.exit(code);

async function play(): Promise<VirtualDay> {
  await using database = await cloneDatabase(`${name}_day`);
  const resident: number[] = [];
  const sampledAt: number[] = [performance.now()];
  let middle: TableSize[] = [];
  let end: TableSize[] = [];
  const options = {
    hours,
    seed,
    afterStep: async (share: number, sql: Parameters<typeof readTableSizes>[0]) => {
      interrupted.signal.throwIfAborted();
      if (share < (resident.length + 1) / SAMPLES) return;
      resident.push(readMemory(Deno.pid)?.resident ?? 0);
      sampledAt.push(performance.now());
      if (resident.length % (SAMPLES / 10) === 0) {
        console.error(`  ${name} day: ${Math.round(share * hours * 10) / 10} of ${hours} h`);
      }
      if (resident.length === SAMPLES / 2) middle = await readTableSizes(sql);
      if (resident.length === SAMPLES) end = await readTableSizes(sql);
    },
  };
  const result = name === "live"
    ? { ...await playLiveDay(database, options), rollOver: null }
    : await playPaperDay(database, options);
  const paceMs = resident.map((_, n) => sampledAt[n + 1]! - sampledAt[n]!);
  return { name, hours, resident, paceMs, tables: [middle, end], result };
}
