import type { Device, DeviceApi, DeviceProfile, Downlink, ThingIdentity } from '../device-api/index.ts';

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
  publish(topic: string, payload: Buffer, done: (verdict: ThingVerdict) => void): void;
  /** Something for the device; false when it does not read. */
  send(downlink: Downlink): boolean;
  closed(): void;
}

export function createThingSession(_parts: ThingSessionParts): ThingSession {
  return {
    publish: (_topic, _payload, done) => done('unknown-topic'),
    send: () => true,
    closed() {},
  };
}
