/** Announcements of new work while a worker stays awake. */
export interface Wakeups {
  /**
   * Becomes the one listener, waiting up to `patienceMs` for a predecessor to leave. Null when somebody else keeps
   * listening: then there is nothing to stay awake for.
   */
  listen(patienceMs: number): Promise<Listening | null>;
}

/** The one listener's ear. */
export interface Listening {
  /** Resolves true when work was announced since the last call, false after `timeoutMs` of silence. */
  announced(timeoutMs: number): Promise<boolean>;
  /** Stops listening. What commits from now on has its own bell. */
  leave(): Promise<void>;
}
