import type { Clock } from '../model/clock.ts';
import { type Device, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import type { JsonLimits } from '../model/json.ts';
import type { AttributeScope, TimedValue } from '../model/telemetry.ts';
import type { Log } from '../observe/index.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { DeviceConfigs } from './device-configs.ts';
import type { MessageRunner } from './message-runner.ts';
import { type ChildName, createThingChildren, type ThingChildren, type ThingChildrenParts } from './thing-children.ts';

/** What sessions of devices of other dialects need besides the device API of all. */
export interface Things {
  readonly json: JsonLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly children: ThingChildren;
  readonly configs: DeviceConfigs;
  /** A device that may send, by the names that it signs with. */
  find(name: ChildName): Promise<Device | undefined>;
  /** Behind everything that the device has sent so far; `keys` absent = all. Rejects when the store cannot be read. */
  readAttributes(
    id: DeviceId,
    scope: AttributeScope,
    keys?: readonly string[],
  ): Promise<ReadonlyMap<string, TimedValue>>;
}

export interface ThingsParts extends ThingChildrenParts {
  readonly json: JsonLimits;
  readonly configs: DeviceConfigs;
  readonly log: Log;
  readonly attributes: AttributeStore;
  readonly runner: Pick<MessageRunner, 'settled'>;
}

export function createThings(parts: ThingsParts): Things {
  const { json, clock, log, attributes, runner } = parts;
  return {
    children: createThingChildren(parts),
    configs: parts.configs,
    async find(name) {
      const device = await parts.signedLogins.find(name);
      return device && ['disabled', 'retired'].includes(stateOf(device)) ? undefined : device;
    },
    json,
    clock,
    log,
    async readAttributes(id, scope, keys) {
      await runner.settled(id);
      return attributes.read(id, scope, keys);
    },
  };
}
