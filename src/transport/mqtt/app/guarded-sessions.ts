import { Readable } from 'node:stream';
import type { AppSubscription } from '../../../app-clients/index.ts';
import type { AedesPersistence, SessionClient } from './persistence.ts';

/**
 * The persistence as aedes gets it. It would store refused filters beside granted ones, once for each filter of a SUBSCRIBE; and
 * queued messages are sent by us, in order and within what the client takes, so it finds no queue.
 * @param mayHave whether a client was granted a filter.
 */
export function guardSessions(
  inner: AedesPersistence,
  mayHave: (client: SessionClient, filter: string) => boolean,
): object {
  const added = new WeakMap<readonly AppSubscription[], Promise<unknown>>();
  return {
    setup: async (broker: { readonly id: string }) => inner.setup(broker),
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
    incomingStorePacket: inner.incomingStorePacket.bind(inner),
    incomingGetPacket: inner.incomingGetPacket.bind(inner),
    incomingDelPacket: inner.incomingDelPacket.bind(inner),
    putWill: inner.putWill.bind(inner),
    getWill: inner.getWill.bind(inner),
    delWill: inner.delWill.bind(inner),
    // Wills of other brokers that died; ours are published when their client ends.
    streamWill: () => Readable.from([]),
  };
}
