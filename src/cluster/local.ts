import type { Bus, BusListener, BusMessage, RunId } from './bus.ts';
import { formatBusMessage } from './bus-format.ts';
import type { InstanceFacts, InstanceInfo, Instances } from './instances.ts';
import type { SessionRegistry } from './session-registry.ts';

/** The buses of one process. Those that join hear each other; one alone tells nobody, at no cost. */
export class LocalHub {
  readonly #members = new Map<RunId, LocalBus>();

  join(self: RunId): Bus {
    const bus = new LocalBus(self, this.#members);
    this.#members.set(self, bus);
    return bus;
  }
}

class LocalBus implements Bus {
  readonly self: RunId;
  readonly #members: Map<RunId, LocalBus>;
  readonly #listeners = new Set<BusListener>();

  constructor(self: RunId, members: Map<RunId, LocalBus>) {
    this.self = self;
    this.#members = members;
  }

  async publish(to: RunId | 'all', message: BusMessage): Promise<void> {
    if (this.#members.size <= 1) return;
    const text = formatBusMessage(message);
    const named = to === 'all' ? [...this.#members.values()] : [this.#members.get(to)];
    for (const member of named) if (member && member !== this) setImmediate(() => member.#hear(text, this.self));
  }

  subscribe(listener: BusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Nothing is ever missed here. */
  onGap(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    this.#members.delete(this.self);
    this.#listeners.clear();
  }

  #hear(text: string, from: RunId): void {
    const message = JSON.parse(text) as BusMessage;
    for (const listener of [...this.#listeners]) listener(message, from);
  }
}

/** The one instance that there is. */
export function localInstances(self: RunId, facts: () => InstanceFacts): Instances {
  return {
    self,
    list: async (): Promise<readonly InstanceInfo[]> => [{ ...facts(), run: self, silentMs: 0 }],
    others: [],
    isLive: (run) => run === self,
    suspect() {},
    forget: async () => {},
    leads: true,
    inTurn: (work) => work(),
    onJoined() {},
    onGone() {},
    onReturned() {},
    close: async () => {},
  };
}

/** Sessions of the one instance that there is: nobody else needs to know of them. */
export const localSessions: SessionRegistry = {
  shared: false,
  claim: async () => ({ epoch: 0 }),
  fence: async (_, epoch) => ({ epoch, oldest: epoch }),
  release: async () => true,
  owner: async () => undefined,
  confirm: async () => ({ lost: [], restored: [] }),
  runs: async () => [],
  takeOrphans: async () => [],
  callWaits: async () => {},
  callsWaitNoMore: async () => {},
  callersOf: async () => [],
};
