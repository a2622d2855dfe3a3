/** Lines for a log or a pipe, and the same as JSON for a program. */
import { type TextOutput, writeLine } from "../lib/terminal.ts";
import type { Activity } from "./activity.ts";
import type { DeskView } from "./desk_view.ts";
import type { FeedFigures } from "./price_feed.ts";
import type { ReadyInfo, Reporter } from "./reporter.ts";
import { accessLines, activityWords, latencyWords } from "./words.ts";

/** The desk is summed up this often (ms); what happens in between has its own lines. */
const SUMMARY_EVERY_MS = 10_000;

/** Lets one summary through per interval, the first at once. */
class Throttle {
  #dueAt = 0;

  isDue(now: number): boolean {
    if (now < this.#dueAt) return false;
    this.#dueAt = now + SUMMARY_EVERY_MS;
    return true;
  }
}

/** One line for everything. */
export class PlainReporter implements Reporter {
  readonly #throttle = new Throttle();

  constructor(private readonly output: TextOutput) {}

  progress(text: string): void {
    writeLine(this.output, text);
  }

  ready(info: ReadyInfo): void {
    for (const line of accessLines(info)) writeLine(this.output, line);
  }

  note(text: string): void {
    writeLine(this.output, `${clock(new Date())}  ${text}`);
  }

  activity(activity: Activity): void {
    const words = activityWords(activity);
    if (words !== null) writeLine(this.output, `${clock(activity.at)}  ${words}`);
  }

  desk(view: DeskView, feed: FeedFigures): void {
    if (!this.#throttle.isDue(performance.now())) return;
    const accounts = view.accounts.map(({ trader, realized, trades }) =>
      `${trader} ${realized} USDT in ${trades}`
    );
    this.note(
      [
        `${view.openCount} open`,
        ...accounts,
        `decision to open ${latencyWords(view.latency)}`,
        `${feed.ticks} ticks`,
      ]
        .join(" · "),
    );
  }

  close(): void {}
}

/** One JSON object a line: `{"event": …}`. Secrets are in the env file and nowhere else. */
export class JsonReporter implements Reporter {
  readonly #throttle = new Throttle();

  constructor(private readonly output: TextOutput) {}

  progress(text: string): void {
    this.#write("progress", { text });
  }

  ready({ environment, envFile, dataDir, logFile, market, readyMs }: ReadyInfo): void {
    const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: publishable_key, DEMO_EMAIL } = environment;
    this.#write("ready", {
      url,
      publishable_key,
      demo_email: DEMO_EMAIL === "" ? null : DEMO_EMAIL,
      env_file: envFile,
      data_dir: dataDir,
      log_file: logFile,
      market,
      ready_ms: Math.round(readyMs),
    });
  }

  note(text: string): void {
    this.#write("note", { text });
  }

  activity({ at, kind, subjectId, trader, symbol, code, message, confidence, realizedPnl }: Activity): void {
    this.#write(kind, {
      occurred_at: at.toISOString(),
      subject_id: subjectId,
      ...{ trader, symbol, code, message, confidence },
      realized_pnl: realizedPnl,
    });
  }

  desk(view: DeskView, feed: FeedFigures): void {
    if (!this.#throttle.isDue(performance.now())) return;
    const { positions, openCount, accounts, latency } = view;
    this.#write("desk", { open: openCount, positions, accounts, latency_ms: latency, feed });
  }

  close(): void {}

  #write(event: string, body: Readonly<Record<string, unknown>>): void {
    writeLine(this.output, JSON.stringify({ event, at: new Date().toISOString(), ...body }));
  }
}

function clock(at: Date): string {
  return at.toLocaleTimeString("en-GB");
}
