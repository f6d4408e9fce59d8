import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { BrokerControl, BrokerLine } from '../admin/index.ts';
import type { InstanceInfo } from '../cluster/instances.ts';
import { BrokerError } from '../errors.ts';
import type { Log } from '../observe/index.ts';
import type { Cluster } from './cluster.ts';

/** A broker that was told to drain says so at its next sign of life, one a second. */
const SAID_MS = 5_000;
const LOOK_MS = 100;
/** Of two brokers that are to drain at once, the second is judged when the first has said so. */
const TURN_MS = 2 * SAID_MS;

/**
 * The brokers of the system. Whichever is asked to drain one tells it; `drainSelf` is called when this one is told.
 */
export function createBrokerControl(
  { bus, instances }: Pick<Cluster, 'bus' | 'instances'>,
  drainSelf: () => void,
  log: Log,
): BrokerControl {
  bus.subscribe((message, from) => {
    if (message.type !== 'drain') return;
    log.info({ event: 'drain.asked', from }, 'another instance says that this one is to drain');
    drainSelf();
  });
  const lineOf = ({ draining, epoch: _epoch, ...info }: InstanceInfo): BrokerLine => ({
    ...info,
    state: !instances.isLive(info.run) ? 'gone' : draining ? 'draining' : 'live',
  });
  /** Only once all know of it: who asks for the next one must not find this one still counted on. */
  const said = async (target: InstanceInfo): Promise<InstanceInfo> => {
    const until = performance.now() + SAID_MS;
    for (;;) {
      // One that has ended meanwhile is not listed.
      const info = (await instances.list()).find(({ run }) => run === target.run) ?? { ...target, draining: true };
      if (info.draining) return info;
      if (performance.now() >= until) {
        throw new BrokerError('DEADLINE_EXCEEDED', { detail: 'it was told, and has not said yet that it drains' });
      }
      await pause(LOOK_MS);
    }
  };
  const drain = async (id: string): Promise<BrokerLine | undefined> => {
    const listed = await instances.list();
    const named = listed.filter((info) => info.id === id || info.run === id);
    // The last to have started, where a name was given again.
    const target = named.filter(({ run }) => instances.isLive(run)).at(-1);
    if (target === undefined) return undefined;
    const left = listed.filter(({ run, draining }) => run !== target.run && instances.isLive(run) && !draining);
    if (left.length === 0) {
      throw new BrokerError('BAD_REQUEST', { detail: 'no other broker could take its devices: stop it instead' });
    }
    if (target.run === instances.self) drainSelf();
    else await bus.publish(target.run, { type: 'drain' });
    return lineOf(await said(target));
  };
  return {
    list: async () => (await instances.list()).map(lineOf),
    drain: (id) => instances.inTurn(() => drain(id), TURN_MS),
  };
}

/** Where others reach a listener: one that is bound to every address of this machine is named by the machine. */
export function placeOf({ host, port }: { readonly host: string; readonly port: number }): string {
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host;
  return `${name.includes(':') ? `[${name}]` : name}:${port}`;
}
