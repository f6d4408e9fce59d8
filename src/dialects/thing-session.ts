import type { CloseReason, Device, DeviceApi, DeviceProfile, Downlink, ThingIdentity } from '../device-api/index.ts';
import { BrokerError } from '../errors.ts';
import { Children } from './children.ts';
import { compressionOf } from './compression.ts';
import { Thing } from './thing.ts';
import { readThingTopic } from './thing-topic.ts';

/** What became of a publish: the front has its own answer for each. */
export type ThingVerdict = 'done' | 'unknown-topic' | 'close';

export interface ThingSessionParts {
  readonly api: DeviceApi;
  readonly device: Device;
  readonly thing: ThingIdentity;
  /** As it stands now. */
  readonly profile: () => DeviceProfile;
  /** Writes to the device, subscribed or not; false when it does not read. */
  readonly send: (topic: string, payload: string | Buffer) => boolean;
}

/** One device of a signing dialect, whatever front it came by: topics and envelopes as calls of the device API. */
export interface ThingSession {
  /** The connection is there: what is for the device may be sent. */
  opened(): void;
  publish(topic: string, payload: Buffer, done: (verdict: ThingVerdict) => void): void;
  /** Whether a filter names the device, or a sub-device that is logged in over it. */
  mayHave(filter: string): boolean;
  /** Something for the device; false when it does not read. */
  send(downlink: Downlink): boolean;
  /** The server ends the connection: the device hears why, where its dialect has a word for it. */
  closing(reason: CloseReason): void;
  closed(): void;
}

export function createThingSession(parts: ThingSessionParts): ThingSession {
  const { api, device, thing, profile, send } = parts;
  const { productKey, deviceKey, clientName } = thing;
  const compression = compressionOf(clientName);
  const own = new Thing({ api, device, productKey, deviceKey, profile, compression, send });

  const rules = () => profile().thing?.children;
  const children = new Children({
    gateway: own,
    secure: thing.secure,
    max: () => rules()?.max ?? 0,
    open: (name, child) =>
      new Thing({
        ...name,
        api,
        device: child.device,
        profile: () => api.profile(child.device.profile) ?? child.profile,
        compression,
        send,
      }),
  });
  own.children = children;

  const run = async (topic: string, payload: Buffer): Promise<ThingVerdict> => {
    if (compression.kind === 'unknown') {
      api.things.log.info({ event: 'thing.compression', device: device.id }, 'payloads are packed in an unknown way');
      return 'close';
    }
    const name = readThingTopic(topic);
    if (!name) return 'unknown-topic';
    if (name.productKey === productKey && name.deviceKey === deviceKey) {
      return (await own.publish(topic, name.path, payload)) ? 'done' : 'close';
    }
    if (!rules()) return 'unknown-topic';
    const child = children.get(name);
    if (!child) {
      if (!name.path.endsWith('_reply')) own.refuseFor(topic, payload); // it confirms what its gateway was told of it
      return 'done';
    }
    children.seen(name);
    return (await child.publish(topic, name.path, payload)) ? 'done' : 'close';
  };

  return {
    opened: () => own.opened(),
    publish(topic, payload, done) {
      run(topic, payload).then(done, (error: unknown) => {
        api.things.log.error(
          { event: 'thing.publish', device: device.id, err: BrokerError.from(error) },
          'not handled',
        );
        done('close');
      });
    },
    mayHave(filter) {
      const levels = filter.split('/');
      return levels.some((level, at) => {
        const name = { productKey: level, deviceKey: levels[at + 1] ?? '' };
        return (level === productKey && name.deviceKey === deviceKey) || children.get(name) !== undefined;
      });
    },
    send: (downlink) => own.push(downlink),
    closing: (reason) => own.notice(reason),
    closed() {
      children.close();
      own.closed();
    },
  };
}
