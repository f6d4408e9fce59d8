import type { Bus, RunId } from '../cluster/bus.ts';
import type { Instances } from '../cluster/instances.ts';
import type { SessionRegistry } from '../cluster/session-registry.ts';
import type { Connectivity, SessionClaims } from '../device-api/index.ts';
import type { Log } from '../observe/index.ts';

/** How often the leading instance looks for sessions that a dead one has left, ms. */
const LOOK_MS = 1_000;
/** Sessions that one step takes. */
const STEP = 200;

/**
 * Keeps sessions right when instances end or messages are lost: the leading instance notes the end of every session that a dead
 * one has left, once; each instance looks whether its own still stand after it was cut off.
 */
export function startClusterCare(parts: {
  readonly bus: Bus;
  readonly instances: Instances;
  readonly registry: SessionRegistry;
  readonly claimed: Pick<SessionClaims, 'confirm'>;
  readonly connectivity: Pick<Connectivity, 'tell'>;
  /** An instance has ended, and this one leads. */
  readonly onEnded: () => void;
  readonly log: Log;
}): { stop(): Promise<void> } {
  const { bus, instances, registry, claimed, connectivity, log } = parts;
  if (!registry.shared) return { stop: async () => {} };
  let working: Promise<void> | undefined;
  let stopped = false;

  const takeFrom = async (dead: RunId): Promise<void> => {
    let taken = 0;
    while (!stopped) {
      const orphans = await registry.takeOrphans(dead, STEP);
      if (orphans.length === 0) break;
      taken += orphans.length;
      for (const { device, epoch, former } of orphans) {
        // It ended before the one that it took the session from had heard of it.
        if (former) await bus.publish(former.run, { type: 'kick', device, epoch });
        await connectivity.tell(device, 'DISCONNECT_EVENT');
      }
    }
    if (taken === 0) return;
    log.warn(
      { event: 'cluster.orphans', run: dead, sessions: taken },
      'sessions of an instance that has gone are ended',
    );
  };

  const look = async (): Promise<void> => {
    const listed = await instances.list();
    const silent = new Set(listed.filter(({ run }) => !instances.isLive(run)).map(({ run }) => run));
    const known = new Set(listed.map(({ run }) => run));
    for (const run of await registry.runs()) if (silent.has(run) || !known.has(run)) await takeFrom(run);
    const left = new Set(await registry.runs());
    for (const run of silent) if (!left.has(run)) await forget(run);
  };

  const forget = async (run: RunId): Promise<void> => {
    const info = (await instances.list()).find((one) => one.run === run);
    if (info === undefined || instances.isLive(run)) return;
    await instances.forget(run);
    parts.onEnded();
    log.warn({ event: 'cluster.gone', run, silentMs: info.silentMs }, 'an instance has gone without a word');
  };

  const confirm = async (): Promise<void> => {
    const restored = await claimed.confirm();
    for (const device of restored) await connectivity.tell(device, 'CONNECT_EVENT');
    if (restored.length > 0) {
      log.warn({ event: 'cluster.confirmed', sessions: restored.length }, 'sessions are noted again that were lost');
    }
  };

  const inTurn = (work: () => Promise<void>, event: string): void => {
    working = (working ?? Promise.resolve())
      .then(() => (stopped ? undefined : work()))
      .catch((error: unknown) => log.warn({ event, err: error }, 'sessions of all instances could not be looked at'));
  };

  bus.onGap(() => inTurn(confirm, 'cluster.confirm'));
  instances.onReturned(() => inTurn(confirm, 'cluster.confirm'));
  let looking = false;
  const timer = setInterval(() => {
    if (!instances.leads || looking) return;
    looking = true;
    inTurn(
      () =>
        look().finally(() => {
          looking = false;
        }),
      'cluster.look',
    );
  }, LOOK_MS);
  timer.unref();

  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await working;
    },
  };
}
