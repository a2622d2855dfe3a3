/** Every scenario of the contract. */
import type { Scenario } from "../scenario.ts";
import { entries } from "./entries.ts";
import { exits } from "./exits.ts";
import { limits } from "./limits.ts";
import { refusals } from "./refusals.ts";
import { stops } from "./stops.ts";
import { targets } from "./targets.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...entries,
  ...exits,
  ...targets,
  ...limits,
  ...stops,
  ...refusals,
];
