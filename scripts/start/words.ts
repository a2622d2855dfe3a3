/** The sentences of a run, the same on a terminal and in a log. */
import type { Activity } from "./activity.ts";
import type { Latency } from "./desk_view.ts";
import type { ReadyInfo } from "./reporter.ts";

/** What a user needs to get in, one line each. */
export function accessLines(info: ReadyInfo): string[] {
  const { environment: env, envFile, market, dataDir, logFile, readyMs } = info;
  const rows: [label: string, value: string][] = [
    ["Project URL", env.SUPABASE_URL],
    ["Publishable key", env.SUPABASE_PUBLISHABLE_KEY],
    ["Secret key", env.SUPABASE_SECRET_KEY],
    ["Database URL", env.SUPABASE_DB_URL],
  ];
  if (env.DEMO_EMAIL !== "") rows.push(["Demo user", `${env.DEMO_EMAIL}  password ${env.DEMO_PASSWORD}`]);
  rows.push(["Market", market], ["Data", dataDir], ["Log", logFile]);
  if (envFile !== null) rows.push(["Env file", envFile]);
  return [
    `Ready in ${(readyMs / 1_000).toFixed(1)} s. Ctrl-C ends it; the next start goes on with the same data.`,
    ...rows.map(([label, value]) => `  ${label.padEnd(16)} ${value}`),
  ];
}

/** What happened in a line; null for what another line tells already. */
export function activityWords(activity: Activity): string | null {
  const { kind, trader, symbol, code, message, confidence, realizedPnl } = activity;
  const who = [trader ?? "-", symbol ?? "-"].join(" ");
  switch (kind) {
    case "decision":
      return `${who} decided ${code}${confidence === null ? "" : ` (${confidence})`}`;
    case "entered":
      return null;
    case "refused":
      return `${who} refused ${code}: ${message}`;
    case "ignored":
      return `${who} ignored ${code}`;
    case "opened":
      return `${who} position open`;
    case "closed":
      return `${who} position closed by ${code}, ${realizedPnl} USDT`;
    case "failed":
      return `${who} entry ended without a fill: ${code}`;
    default:
      return assertNever(kind);
  }
}

/** `p50 12 ms p95 30 ms (200)`, or that there is none yet. */
export function latencyWords({ count, p50, p95 }: Latency): string {
  return count === 0 ? "-" : `p50 ${p50} ms p95 ${p95} ms (last ${count})`;
}

function assertNever(kind: never): never {
  throw new Error(`no such activity: ${kind}`);
}
