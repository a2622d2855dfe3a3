/** Faults of the simulated exchange, as tests ask for them. */
import type { FaultKind, FaultSpec } from "../../simulator/faults/faults.ts";

/** A fault of every request, until it is taken away; what it hits is carried out. */
export function fault(kind: FaultKind, more: Partial<FaultSpec> = {}): FaultSpec {
  return { kind, times: null, probability: 1, isExecuted: true, status: null, ms: 0, ...more };
}

/** A fault of the next order that is placed. */
export function faultOfNextOrder(kind: FaultKind): FaultSpec {
  return fault(kind, { method: "POST", path: "/api/v3/order", times: 1 });
}
