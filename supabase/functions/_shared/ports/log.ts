/** One line of the worker's log: an event name and facts about it. Never a secret, never a key. */
export type Log = (
  level: "info" | "warning" | "error",
  event: string,
  facts?: Record<string, unknown>,
) => void;
