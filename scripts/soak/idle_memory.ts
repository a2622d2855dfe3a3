/** What a worker's memory is before it works: the runtime and the packages. */
import { fileURLToPath } from "node:url";
import { FunctionBundles } from "../../local/function_bundles.ts";
import { runtimeArgs } from "../../local/function_worker.ts";
import { HOSTED_LIMITS } from "../../local/worker_limits.ts";
import { projectRoot } from "../lib/project.ts";

/** What an idle process says of itself, in bytes. */
export interface IdleMemory {
  readonly resident: number;
  readonly own: number;
  readonly heapUsed: number;
}

const IDLE_PROCESS = fileURLToPath(new URL("./idle_process.ts", import.meta.url));

/**
 * Memory of a Deno process that does nothing, with a worker's heap: without any package, or with those that a worker
 * loads, in one file as a worker has them.
 */
export async function measureIdleProcess(kind: "bare" | "packages"): Promise<IdleMemory> {
  const program = kind === "bare"
    ? IDLE_PROCESS
    : await new FunctionBundles(`${projectRoot}.fillbase/soak`).pathOf("idle_process", IDLE_PROCESS);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...runtimeArgs(HOSTED_LIMITS.memoryBytes), "-A", program, kind],
  }).output();
  if (!success) throw new Error(`an idle process could not be measured: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as IdleMemory;
}
