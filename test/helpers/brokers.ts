import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import { startRedis, type TestRedis } from './redis.ts';

/** Brokers behind one Redis. */
export interface Brokers extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly all: readonly Broker[];
  start(options?: BrokerOptions): Promise<Broker>;
}

export const SHARED_KEY = 'one-instance-key-for-all-brokers-0123456789';

export async function startBrokers(count: number, options: BrokerOptions = {}, redis?: TestRedis): Promise<Brokers> {
  const store = redis ?? (await startRedis({ durable: true }));
  const all: Broker[] = [];
  const start = async (more: BrokerOptions = {}): Promise<Broker> => {
    const env = {
      REDIS_URL: store.url,
      GRIDMOOR_SECRET_KEY: SHARED_KEY,
      GRIDMOOR_INSTANCE_ID: `broker-${all.length + 1}`,
      ...options.env,
      ...more.env,
    };
    const broker = await startBroker({ ...options, ...more, env });
    all.push(broker);
    return broker;
  };
  const stop = async (): Promise<void> => {
    const ends = await Promise.allSettled(all.map((broker) => broker[Symbol.asyncDispose]()));
    if (redis === undefined) await store[Symbol.asyncDispose]();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  try {
    for (let n = 0; n < count; n++) await start();
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
  return { redis: store, all, start, [Symbol.asyncDispose]: stop };
}
