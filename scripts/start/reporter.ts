/** How a run tells what happens. One reporter a run, chosen by where the output goes. */
import type { Activity } from "./activity.ts";
import type { DeskView } from "./desk_view.ts";
import type { Environment } from "./env_file.ts";
import type { FeedFigures } from "./price_feed.ts";

/** What is known when everything is up. */
export interface ReadyInfo {
  readonly environment: Environment;
  readonly envFile: string | null;
  readonly dataDir: string;
  readonly logFile: string;
  /** One sentence about the prices. */
  readonly market: string;
  /** From the start of the program to here (ms). */
  readonly readyMs: number;
}

/** Receives what happens, in order. */
export interface Reporter {
  /** A step of starting up or of shutting down. */
  progress(text: string): void;
  ready(info: ReadyInfo): void;
  /** A plain sentence about the stack itself. */
  note(text: string): void;
  activity(activity: Activity): void;
  /** The state of the desk, once a second. */
  desk(view: DeskView, feed: FeedFigures): void;
  /** Nothing comes after it. */
  close(): void;
}
