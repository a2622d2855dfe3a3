/** The hosted budget of an Edge Function, and how much of it a process has used. */

/** Budget of one worker process. */
export interface WorkerLimits {
  /** CPU time that a request may use on average; see `CpuMeter`. */
  readonly cpuPerRequestMs: number;
  /** Size of the heap, and with `RUNTIME_MEMORY_BYTES` on top, of all memory that is the process's own. */
  readonly memoryBytes: number;
  /** Life of a worker: at half of it new requests go to a fresh one, at its end it is killed. */
  readonly wallClockMs: number;
  /** A request without a response for this long is answered with 504. */
  readonly idleMs: number;
  /** Loading a function may take this long. */
  readonly bootMs: number;
  /** How often a worker is measured. */
  readonly sampleMs: number;
}

/** As hosted (paid plan), except `bootMs` and `sampleMs`, which are this host's own. */
export const HOSTED_LIMITS: WorkerLimits = {
  cpuPerRequestMs: 2_000,
  memoryBytes: 256 * 1024 * 1024,
  wallClockMs: 400_000,
  idleMs: 150_000,
  bootMs: 30_000,
  sampleMs: 250,
};

/** What the runtime itself needs in each process (measured: 11 MB when idle); hosted, it is not the function's. */
export const RUNTIME_MEMORY_BYTES = 32 * 1024 * 1024;

/** The kernel counts CPU time in ticks of this length on every Linux that Deno runs on. */
const TICK_MS = 10;
const KIB = 1024;

/** What a process has used so far. */
export interface Usage {
  readonly cpuMs: number;
  readonly memoryBytes: number;
}

/** CPU and memory of a process so far; null where the system does not tell (no `/proc`, or it is gone). */
export function readUsage(pid: number): Usage | null {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    // The command name may hold spaces; the numbered fields start after its closing parenthesis at field 3.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const memoryKib = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return { cpuMs: ticks * TICK_MS, memoryBytes: memoryKib * KIB };
  } catch {
    return null;
  }
}

/**
 * Decides when requests use too much CPU, although the system counts it per process only. CPU time fills the
 * meter; each request that ends takes up to its allowance out again; more than one allowance for each request
 * still running is too much. So a worker whose requests all keep to the allowance is never stopped, however many
 * run at once, and a lone endless loop is stopped after one allowance. Work after the last response is not counted.
 */
export class CpuMeter {
  readonly #allowanceMs: number;
  #level = 0;
  #lastCpuMs = 0;

  constructor(allowanceMs: number) {
    this.#allowanceMs = allowanceMs;
  }

  /** A request begins on an idle worker: what was used before is nobody's. */
  startBusy(cpuMs: number): void {
    this.#level = 0;
    this.#lastCpuMs = cpuMs;
  }

  requestEnded(): void {
    this.#level = Math.max(0, this.#level - this.#allowanceMs);
  }

  /** Takes a reading; true when the running requests have used more than they may. */
  isExceeded(cpuMs: number, requestsRunning: number): boolean {
    this.#level += cpuMs - this.#lastCpuMs;
    this.#lastCpuMs = cpuMs;
    return this.#level > this.#allowanceMs * requestsRunning;
  }
}
