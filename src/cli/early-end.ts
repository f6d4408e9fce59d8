const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs with control-C or SIGTERM as the early end; a second one ends the process, as it does without this. */
export async function withEarlyEnd<T>(run: (stop: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of SIGNALS) process.once(signal, onSignal);
  try {
    return await run(stop.signal);
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  }
}
