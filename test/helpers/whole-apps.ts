import { serialize } from 'node:v8';
import type { Storage } from '../../src/storage/storage.ts';

const LIMITS = { maxMessages: 1_000, maxBytes: 1_000_000 };
const packet = (n: number) => ({
  cmd: 'publish',
  brokerId: 'b',
  brokerCounter: n,
  topic: `t/${n}`,
  payload: Buffer.from([0, n, 255]),
  qos: 1,
  retain: false,
  dup: false,
  messageExpiry: 4_000_000_000_000,
  properties: { contentType: 'x', correlationData: Buffer.from([1, 2]), userProperties: { base64: 'y' } },
});

/** Two sessions of app clients that share a message, and a retained one. */
export async function fillApps({ appSessions }: Storage): Promise<void> {
  if (appSessions === undefined) throw new Error('the store keeps no sessions of app clients');
  const subscriptions = [{ topic: 't/#', qos: 1, rh: 0, rap: false, nl: false }];
  for (const id of ['app one', 'app/two']) {
    await appSessions.put({ id, expiryMs: 1_000_000_000_000, leftAt: 1_700_000_000_000, subscriptions });
  }
  await appSessions.put({ id: 'nothing subscribed', expiryMs: 1, subscriptions: [] });
  for (let n = 1; n < 250; n++) {
    const ids = n === 1 ? ['app one', 'app/two'] : ['app one'];
    await appSessions.enqueue(ids, serialize(packet(n)), LIMITS);
  }
  await appSessions.retain('state/now', serialize({ ...packet(1), topic: 'state/now', retain: true }), 10);
}
