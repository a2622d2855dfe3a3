import type { ThrowawayStack } from "../lib/throwaway_stack.ts";
import { type MainRun, runMain } from "./main_scenario.ts";
export async function runRegimes(stack: ThrowawayStack, run: MainRun): Promise<string> {
  return await runMain(stack, run);
}
