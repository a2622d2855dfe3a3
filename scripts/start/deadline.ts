/**
 * The work's result, or a rejection when it takes too long or is no longer wanted. The work itself goes on unobserved:
 * after the database was killed, its driver may leave a caller waiting for ever.
 */
export async function withDeadline<T>(work: Promise<T>, deadlineMs: number, signal: AbortSignal): Promise<T> {
  const end = Promise.withResolvers<never>();
  const abort = () => end.reject(new Error("stopped"));
  const timer = setTimeout(
    () => end.reject(new Error(`no answer within ${deadlineMs / 1_000} s`)),
    deadlineMs,
  );
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await Promise.race([work, end.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    work.catch(() => {});
  }
}
