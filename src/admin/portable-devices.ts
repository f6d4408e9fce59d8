import { BrokerError } from '../errors.ts';
import { type Device, isBarred, stateOf } from '../model/device.ts';
import { type JsonObject, stringifyJson } from '../model/json.ts';
import type { DeviceRow, PlaceRow } from '../model/portable.ts';
import type { NodeRef } from '../model/tree.ts';
import { isSecretName } from '../observe/index.ts';
import { checkLabel, nameProblem } from '../registry/registry.ts';
import { withoutSecrets, wrapSecrets } from '../rules/index.ts';
import { attributesOf, createAttributeWrites } from './attribute-writes.ts';
import type { AdminDeps } from './deps.ts';
import { createDevice } from './device-create.ts';
import { dataOwnerOf } from './lookup.ts';
import { type ImportOptions, PartlyDone, portableName, type RowOutcome } from './portable-rows.ts';
import { refOf } from './trees.ts';

const SCOPES = { server: 'SERVER_SCOPE', shared: 'SHARED_SCOPE' } as const;
type Side = keyof typeof SCOPES;
const SIDES = ['server', 'shared'] as const;

/** What an export of devices holds besides what each has. */
export interface DeviceExport {
  readonly server: readonly string[];
  readonly shared: readonly string[];
  readonly trees: boolean;
}

/** One thing that a row wants of a device and that it has not. */
interface Change {
  /** The device has something else. */
  readonly conflict: boolean;
  readonly field: string;
  write(device: Device): Promise<unknown>;
}

/** Devices as rows, out and in again, without any secret. */
export function createPortableDevices(deps: AdminDeps) {
  const { storage, registry, trees, lifeCycle, profiles, generation } = deps;
  const attributes = createAttributeWrites(deps);

  const isSecret = (key: string): boolean =>
    isSecretName(key) || Object.keys(withoutSecrets(wrapSecrets({ [key]: '-' }, generation().secretKeys))).length === 0;

  const refuseSecrets = (keys: readonly string[], side: Side): void => {
    const secret = keys.find(isSecret);
    if (secret === undefined) return;
    const detail = `"${secret}" is the name of a secret: no such attribute is exported or imported`;
    throw new BrokerError('BAD_REQUEST', { field: `attributes/${side}/${secret}`, detail });
  };

  const readAttributes = async (device: Device, side: Side, keys: readonly string[]): Promise<JsonObject> => {
    const found = keys.length === 0 ? [] : await storage.attributes.read(device.id, SCOPES[side], keys);
    const values = Object.fromEntries([...found].map(([key, { value }]) => [key, value]));
    return withoutSecrets(wrapSecrets(values, generation().secretKeys));
  };

  const placesOf = async (device: Device): Promise<readonly PlaceRow[]> => {
    const ref: NodeRef = `DEVICE:${device.id}`;
    const places = (await trees.treesOf(ref)).map(async (tree): Promise<PlaceRow | undefined> => {
      const path = await trees.path(tree, ref);
      const parent = path?.at(-2);
      return path && { tree, ...(parent === undefined ? {} : { parent: await portableName(parent, deps) }) };
    });
    return (await Promise.all(places)).filter((place) => place !== undefined);
  };

  const toRow = async (device: Device, wanted: DeviceExport): Promise<DeviceRow> => {
    const sides = await Promise.all(
      SIDES.map(async (side) => [side, await readAttributes(device, side, wanted[side])] as const),
    );
    const held = sides.filter(([, values]) => Object.keys(values).length > 0);
    const places = wanted.trees ? await placesOf(device) : [];
    return {
      name: device.name,
      profile: device.profile,
      ...(device.label === undefined ? {} : { label: device.label }),
      ...(device.gateway ? { gateway: true } : {}),
      state: stateOf(device),
      ...(held.length === 0 ? {} : { attributes: Object.fromEntries(held) }),
      ...(places.length === 0 ? {} : { trees: places }),
    };
  };

  const flagChanges = (row: DeviceRow, device: Device | undefined, by: string): Change[] => {
    const changes: Change[] = [];
    // A new device is created with them.
    if (!device) return changes;
    const { label, gateway } = row;
    if (label !== undefined && label !== (device.label ?? '')) {
      checkLabel(label);
      const write = () => registry.update(device.id, { label }, by);
      changes.push({ conflict: device.label !== undefined, field: 'label', write });
    }
    if (gateway !== undefined && gateway !== device.gateway) {
      changes.push({ conflict: true, field: 'gateway', write: () => registry.update(device.id, { gateway }, by) });
    }
    return changes;
  };

  const attributeChanges = async (row: DeviceRow, device: Device | undefined, by: string): Promise<Change[]> => {
    const changes: Change[] = [];
    for (const side of SIDES) {
      const wanted = attributesOf(row.attributes?.[side] ?? {});
      const keys = Object.keys(wanted);
      refuseSecrets(keys, side);
      const held = device && keys.length > 0 ? await storage.attributes.read(device.id, SCOPES[side], keys) : new Map();
      const others = Object.entries(wanted).filter(([key, value]) => {
        const present = held.get(key);
        return present === undefined || stringifyJson(present.value) !== stringifyJson(value);
      });
      if (others.length === 0) continue;
      const taken = others.find(([key]) => held.has(key))?.[0];
      const values = Object.fromEntries(others);
      changes.push({
        conflict: taken !== undefined,
        field: `attributes/${side}/${taken ?? others[0]?.[0]}`,
        write: async ({ id }) => attributes.save(await dataOwnerOf('DEVICE', id, deps), SCOPES[side], values, by),
      });
    }
    return changes;
  };

  const placeChange = async (place: PlaceRow, device: Device | undefined, by: string): Promise<Change[]> => {
    const { tree } = place;
    const field = `trees/${tree}`;
    const parent = place.parent === undefined ? {} : { parent: await refOf(place.parent, field, deps) };
    if (parent.parent !== undefined && !(await pathIn(tree, parent.parent, field))) {
      throw new BrokerError('NOT_FOUND', { field, detail: `${place.parent} is not in the tree ${tree}` });
    }
    const path = await pathIn(tree, device && (`DEVICE:${device.id}` as const), field);
    if (path && path.at(-2) === parent.parent) return [];
    const write = ({ id }: Device) => {
      const node = { ref: `DEVICE:${id}` as const, ...parent };
      return path ? trees.move(tree, node, by) : trees.add(tree, node, by);
    };
    return [{ conflict: path !== undefined, field, write }];
  };

  /** Throws NOT_FOUND when there is no such tree. */
  const pathIn = async (tree: string, ref: NodeRef | undefined, field: string) => {
    if (ref !== undefined) return trees.path(tree, ref).catch((error: unknown) => rename(error, field));
    await trees.children(tree, { limit: 1 }).catch((error: unknown) => rename(error, field));
    return undefined;
  };

  const stateChanges = ({ state }: DeviceRow, device: Device | undefined, by: string): Change[] => {
    if (state === undefined || (device ? stateOf(device) : 'active') === state) return [];
    const field = 'state';
    if (device?.state === 'retired') {
      const detail = 'the device is retired: replace it, or lift its tombstone';
      throw new BrokerError('DEVICE_STATE', { field, detail });
    }
    const conflict = device !== undefined;
    if (state === 'disabled') return [{ conflict, field, write: ({ id }) => lifeCycle.disable(id, by) }];
    if (state === 'retired') return [{ conflict, field, write: ({ id }) => lifeCycle.retire(id, by) }];
    // The others come of themselves: a device is in use, or it is not.
    if (!device || !isBarred(device)) return [];
    return [{ conflict, field, write: ({ id }) => lifeCycle.enable(id, by) }];
  };

  const checkNew = async ({ name, profile, label }: DeviceRow): Promise<void> => {
    const problem = nameProblem(name);
    if (problem) throw new BrokerError('BAD_REQUEST', { field: 'name', detail: problem });
    checkLabel(label);
    if (!profiles().byName(profile)) throw new BrokerError('PROFILE_NOT_FOUND', { field: 'profile' });
    if (await lifeCycle.tombstones.find(name)) throw new BrokerError('NAME_TAKEN', { field: 'name' });
  };

  const checkKnown = ({ profile }: DeviceRow, device: Device, changes: readonly Change[], existing: string): void => {
    if (device.profile !== profile) {
      const detail = `the device has the profile "${device.profile}", which cannot be changed`;
      throw new BrokerError('NAME_TAKEN', { field: 'profile', detail });
    }
    const conflict = existing === 'complete' ? changes.find((change) => change.conflict) : undefined;
    if (!conflict) return;
    const detail = `the device is there, and something else in "${conflict.field}": "update" changes it`;
    throw new BrokerError('NAME_TAKEN', { field: conflict.field, detail });
  };

  const create = async ({ name, profile, label, gateway }: DeviceRow, by: string): Promise<Device> => {
    const keepSealed = profiles().byName(profile)?.provision.strategy === 'check-pre-provisioned-devices';
    const more = { ...(label === undefined ? {} : { label }), ...(gateway === undefined ? {} : { gateway }) };
    return (await createDevice({ name, profile, profileField: 'profile', ...more, keepSealed, by }, deps)).device;
  };

  return {
    /** Throws BAD_REQUEST for a secret. */
    check(wanted: DeviceExport): void {
      for (const side of SIDES) refuseSecrets(wanted[side], side);
    },

    toRow,

    /** Looks whether all of a row can be before it writes any of it. Throws BrokerError, PartlyDone. */
    async take(row: DeviceRow, { existing, dryRun, by }: ImportOptions): Promise<RowOutcome> {
      const device = await registry.deviceByName(row.name);
      if (device && existing === 'refuse') throw new BrokerError('NAME_TAKEN', { field: 'name' });
      if (!device) await checkNew(row);
      const places = await Promise.all((row.trees ?? []).map((place) => placeChange(place, device, by)));
      const changes = [
        ...flagChanges(row, device, by),
        ...(await attributeChanges(row, device, by)),
        ...places.flat(),
        ...stateChanges(row, device, by),
      ];
      if (device) checkKnown(row, device, changes, existing);
      const outcome = !device ? 'created' : changes.length > 0 ? 'changed' : 'known';
      if (dryRun) return outcome;
      let present = device;
      let begun = false;
      try {
        if (!present) {
          present = await create(row, by);
          begun = true;
        }
        for (const { write } of changes) {
          await write(present);
          begun = true;
        }
      } catch (error) {
        throw begun ? new PartlyDone('', { cause: error }) : error;
      }
      return outcome;
    },
  };
}

function rename(error: unknown, field: string): never {
  if (error instanceof BrokerError) throw new BrokerError(error.code, { ...error.facts, field });
  throw error;
}
