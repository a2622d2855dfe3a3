import { countJunit } from "./junit.ts";
import { failure, type Outcome, sumOutcomes } from "./outcome.ts";
import { projectRoot } from "./project.ts";

/** One file may take this long; the whole run has eight minutes. */
const FILE_DEADLINE_MS = 240_000;
/** Between asking a hung test process to end and ending it. */
const KILL_GRACE_MS = 5_000;
/** Between the end of a test process and the end of reading what it wrote. */
const OUTPUT_GRACE_MS = 1_000;
/** A line that a test prints with this in front is shown also when the file passes. */
const NOTE_PREFIX = "note: ";

export interface DenoTestOptions {
  /** A directory that only this file uses; it becomes TMPDIR and must be empty again at the end. */
  readonly tempDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  /** Aborting ends the test process. */
  readonly signal?: AbortSignal;
}

/**
 * Runs one test file in a process of its own, so that a crash, a hang or a leak stays with the file.
 * Types are not checked here: `deno task check` does that for all files at once.
 */
export async function runDenoTestFile(path: string, options: DenoTestOptions): Promise<Outcome> {
  const junitPath = `${options.tempDir}/junit.xml`;
  const deadlineMs = options.deadlineMs ?? FILE_DEADLINE_MS;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", `--junit-path=${junitPath}`, path],
    cwd: projectRoot,
    env: { ...options.env, TMPDIR: options.tempDir, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.signal ? { signal: options.signal } : {}),
  }).spawn();
  const deadline = endAfter(child, deadlineMs);
  const [output, { success }] = await Promise.all([collect(child), child.status]);
  deadline.clear();
  const counted = await readJunit(junitPath);
  const outcome = judge(counted, success, output, deadline.isOver() ? deadlineMs : null);
  return sumOutcomes([outcome, ...await leftovers(options.tempDir)]);
}

function judge(counted: Outcome | null, success: boolean, output: string[], overMs: number | null): Outcome {
  if (overMs !== null) {
    return failure(...output, `Ended after ${overMs} ms: the file did not come to an end.`);
  }
  if (counted === null) return failure(...output, "The file ended without a report: it crashed or exited.");
  if (success && counted.passed + counted.failed + counted.skipped === 0) {
    return failure("The file holds no test.");
  }
  if (success) return { ...counted, report: notesIn(output) };
  return { ...counted, failed: Math.max(1, counted.failed), report: output };
}

/** What a test wants to be read although it passed, such as how many requests an attack made. */
function notesIn(output: readonly string[]): string[] {
  return output.filter((line) => line.startsWith(NOTE_PREFIX)).map((line) => line.slice(NOTE_PREFIX.length));
}

async function readJunit(path: string): Promise<Outcome | null> {
  const xml = await Deno.readTextFile(path).catch(() => null);
  if (xml !== null) await Deno.remove(path);
  return xml === null || xml === "" ? null : countJunit(xml);
}

/** A data directory left behind is a server left behind, more often than not. */
async function leftovers(tempDir: string): Promise<Outcome[]> {
  const names = (await Array.fromAsync(Deno.readDir(tempDir))).map((entry) => entry.name).sort();
  return names.length === 0 ? [] : [failure(`Left behind in TMPDIR: ${names.join(", ")}`)];
}

/**
 * The output's lines. A process that outlives the test may hold the pipes open, so the end of the test ends
 * the reading, a moment later.
 */
async function collect(child: Deno.ChildProcess): Promise<string[]> {
  const chunks: string[] = [];
  const enough = new AbortController();
  const options = { signal: enough.signal };
  const keep = () => new WritableStream<string>({ write: (chunk) => void chunks.push(chunk) });
  const read = (stream: ReadableStream<Uint8Array<ArrayBuffer>>) =>
    stream.pipeThrough(new TextDecoderStream()).pipeTo(keep(), options).catch(() => {});
  const reading = Promise.all([read(child.stdout), read(child.stderr)]);
  await child.status;
  const timer = setTimeout(() => enough.abort(), OUTPUT_GRACE_MS);
  await reading;
  clearTimeout(timer);
  return chunks.join("").trim().split("\n");
}

function endAfter(child: Deno.ChildProcess, ms: number): { clear(): void; isOver(): boolean } {
  let isOver = false;
  let timer = setTimeout(() => {
    isOver = true;
    kill(child, "SIGTERM");
    timer = setTimeout(() => kill(child, "SIGKILL"), KILL_GRACE_MS);
  }, ms);
  return { clear: () => clearTimeout(timer), isOver: () => isOver };
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has just ended by itself
  }
}
