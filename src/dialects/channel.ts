import type { DeviceApi, DeviceProfile } from '../device-api/index.ts';
import type { ThingVerdict } from './thing-session.ts';

export interface ChannelParts {
  readonly api: DeviceApi;
  readonly profile: () => DeviceProfile | undefined;
  readonly productKey: string;
  readonly send: (topic: string, payload: string | Buffer) => boolean;
}

/** The integration channel of a product: a back end that publishes for all its devices (registration-protocols 2). */
export interface Channel {
  publish(topic: string, payload: Buffer, done: (verdict: ThingVerdict) => void): void;
}

export function createChannel({ productKey }: ChannelParts): Channel {
  const prefix = `/sys/${productKey}/integration/`;
  return {
    publish: (topic, _payload, done) => done(topic.startsWith(prefix) ? 'unknown-topic' : 'close'),
  };
}
