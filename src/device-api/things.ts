import { CHILD_ENABLED } from '../dialects/wire/child-notice.ts';
import type { Clock } from '../model/clock.ts';
import { type Device, stateOf } from '../model/device.ts';
import type { DeviceId } from '../model/ids.ts';
import { type JsonLimits, stringifyJson } from '../model/json.ts';
import type { AttributeScope, TimedValue } from '../model/telemetry.ts';
import type { Log } from '../observe/index.ts';
import { deviceKeyOf } from '../registry/signed-secrets.ts';
import type { AttributeStore } from '../storage/attribute-store.ts';
import type { DeviceConfigs } from './device-configs.ts';
import type { DeviceFiles } from './device-files.ts';
import type { MessageRunner } from './message-runner.ts';
import type { Rpc } from './rpc.ts';
import { type ChildName, createThingChildren, type ThingChildren, type ThingChildrenParts } from './thing-children.ts';

/** What sessions of devices of other dialects need besides the device API of all. */
export interface Things {
  readonly json: JsonLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly children: ThingChildren;
  readonly configs: DeviceConfigs;
  readonly files: DeviceFiles;
  /** A device that may send, by the names that it signs with. */
  find(name: ChildName): Promise<Device | undefined>;
  /** A device may come again: the gateway that it came over last hears so, within a day. */
  enabled(device: Device): Promise<void>;
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
  readonly files: DeviceFiles;
  readonly log: Log;
  readonly attributes: AttributeStore;
  readonly runner: Pick<MessageRunner, 'settled'>;
  readonly rpc: Pick<Rpc, 'persist'>;
}

const ENABLED_MS = 86_400_000;

export function createThings(parts: ThingsParts): Things {
  const { json, clock, log, attributes, runner } = parts;
  return {
    children: createThingChildren(parts),
    configs: parts.configs,
    files: parts.files,
    async find(name) {
      const device = await parts.signedLogins.find(name);
      return device && ['disabled', 'retired'].includes(stateOf(device)) ? undefined : device;
    },
    async enabled({ name, profile, lastConnectedGateway: id }) {
      const thing = parts.profiles().byName(profile)?.thing;
      const gateway = thing && id !== undefined ? await parts.registry.device(id) : undefined;
      if (!thing || !gateway || !parts.profiles().byName(gateway.profile)?.thing?.children) return;
      const params = stringifyJson({ productKey: thing.productKey, deviceKey: deviceKeyOf(thing, name) });
      const expiresAt = clock.now() + ENABLED_MS;
      await parts.rpc.persist(gateway.id, { method: CHILD_ENABLED, params, oneway: true, expiresAt });
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
