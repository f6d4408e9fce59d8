import type { Clock } from '../model/clock.ts';
import type { TelemetryStore } from '../storage/telemetry-store.ts';

export interface RetentionOptions {
  readonly store: TelemetryStore;
  readonly clock: Clock;
  /** How long an entity's history is kept, ms; undefined = for ever. */
  readonly keepMs: (entityId: string) => Promise<number | undefined>;
  /** Pause between two steps, ms. */
  readonly stepMs: number;
  readonly entitiesPerStep: number;
  readonly onRemoved: (records: number) => void;
  readonly onError: (error: unknown) => void;
}

/** Walks the history in small steps, for ever, and drops what is too old. */
export function startRetention(options: RetentionOptions): { stop(): Promise<void> } {
  const { store, clock, keepMs, stepMs, entitiesPerStep } = options;
  let cursor: string | undefined;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  const step = async (): Promise<void> => {
    try {
      const swept = await store.sweep({
        now: clock.now(),
        keepMs,
        maxEntities: entitiesPerStep,
        ...(cursor === undefined ? {} : { cursor }),
      });
      cursor = swept.cursor;
      if (swept.removed > 0) options.onRemoved(swept.removed);
    } catch (error) {
      options.onError(error);
    }
  };
  const timer = setInterval(() => {
    if (!stopped) running = running.then(step);
  }, stepMs);
  timer.unref();
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
