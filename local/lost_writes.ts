/** Message of a write to a socket that the server closed in the meantime. */
const LOST_WRITE =
  /This socket has been ended by the other party|EPIPE|ECONNRESET|Cannot read properties of null \(reading .write.\)/;
/** Where such a write comes from. */
const DRIVER = /[\\/]postgres[\\/]src[\\/]connection\.js/;

/**
 * The database's driver writes on a later turn of the event loop. When the server was killed in between, the error
 * has no caller and would end the program, although the driver notices the lost connection by itself and tells
 * everybody who waits. Returns the way back.
 */
export function surviveLostWrites(log: (line: string) => void): () => void {
  const judge = (event: ErrorEvent | PromiseRejectionEvent) => {
    const error: unknown = "reason" in event ? event.reason : event.error;
    if (!isLostWrite(error)) return;
    event.preventDefault();
    log(`a write to the database was lost with its connection: ${error.message}`);
  };
  globalThis.addEventListener("error", judge);
  globalThis.addEventListener("unhandledrejection", judge);
  return () => {
    globalThis.removeEventListener("error", judge);
    globalThis.removeEventListener("unhandledrejection", judge);
  };
}

/** The driver marks the errors of statements with the statement; its own ones, as it connects, nobody waits for. */
function isLostWrite(error: unknown): error is Error {
  return error instanceof Error && LOST_WRITE.test(error.message) &&
    (DRIVER.test(error.stack ?? "") || "query" in error);
}
