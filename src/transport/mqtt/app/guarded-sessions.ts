import { Readable } from 'node:stream';
import memory from 'aedes-persistence/asyncPersistence.js';
import type { AppSubscription } from '../../../app-clients/index.ts';
import type { AedesPersistence, PersistenceBroker, SessionClient } from './persistence.ts';

const MemoryPersistence = memory as unknown as new () => AedesPersistence;

/**
 * The persistence as aedes gets it. It would store refused filters beside granted ones, once for each filter of a SUBSCRIBE; and
 * queued messages are sent by us, in order and within what the client takes, so it finds no queue. Wills and open QoS 2 handshakes
 * end with the broker, and are in memory.
 * @param broker what the persistence tells and hears. @param mayHave whether a client was granted a filter.
 */
export function guardSessions(
  inner: AedesPersistence,
  broker: Omit<PersistenceBroker, 'id'>,
  mayHave: (client: SessionClient, filter: string) => boolean,
): object {
  const fleeting = new MemoryPersistence();
  const added = new WeakMap<readonly AppSubscription[], Promise<unknown>>();
  return {
    setup: async ({ id }: PersistenceBroker) => {
      await fleeting.setup({ id });
      await inner.setup({ id, ...broker });
    },
    addSubscriptions(client: SessionClient, all: readonly AppSubscription[]) {
      const known = added.get(all);
      if (known) return known;
      const granted = all.filter(({ topic }) => mayHave(client, topic));
      const adding = granted.length > 0 ? inner.addSubscriptions(client, granted) : Promise.resolve();
      added.set(all, adding);
      return adding;
    },
    removeSubscriptions: inner.removeSubscriptions.bind(inner),
    subscriptionsByClient: inner.subscriptionsByClient.bind(inner),
    cleanSubscriptions: inner.cleanSubscriptions.bind(inner),
    createRetainedStreamCombi: inner.createRetainedStreamCombi.bind(inner),
    outgoingStream: () => Readable.from([]),
    outgoingClearMessageId: async () => undefined,
    incomingStorePacket: fleeting.incomingStorePacket.bind(fleeting),
    incomingGetPacket: fleeting.incomingGetPacket.bind(fleeting),
    incomingDelPacket: fleeting.incomingDelPacket.bind(fleeting),
    putWill: fleeting.putWill.bind(fleeting),
    getWill: fleeting.getWill.bind(fleeting),
    delWill: fleeting.delWill.bind(fleeting),
    // Wills of other brokers that died; ours are published when their client ends.
    streamWill: () => Readable.from([]),
  };
}
