import type { Device } from '../../../model/device.ts';
import type { CustomerId, DeviceId } from '../../../model/ids.ts';
import type { ClaimRegistration, Customer } from '../../customer-store.ts';
import type { Section, Sections, TransferItems } from '../../transfer.ts';
import { credentialsOfText, writeCredentials } from '../credentials.ts';
import { writeCustomer } from '../customer-store.ts';
import { aliveKey, KEYS, newId } from '../keys.ts';
import { jsonOf } from '../records.ts';
import { indexDevice } from '../registry-store.ts';
import { entityPages, idPages, recordsByName, section, type TransferParts, textsOf } from './section.ts';

type Names = 'devices' | 'due' | 'customers' | 'owners' | 'claims';

/** Devices with their credentials, and whose they are. */
export function registrySections(parts: TransferParts): Pick<Sections, Names> {
  const { queue } = parts;
  return {
    devices: withMarkers(
      parts,
      section(
        parts,
        async function* () {
          for await (const ids of idPages(queue, KEYS.deviceNames)) {
            const [devices, credentials] = await Promise.all([
              textsOf(queue, KEYS.devices, ids),
              textsOf(queue, KEYS.credentials, ids),
            ]);
            const texts = new Map(credentials);
            for (const [id, text] of devices) {
              yield { device: jsonOf<Device>(text), ...credentialsOfText(id as DeviceId, texts.get(id)) };
            }
          }
        },
        async (draft, { device, present, former }) => {
          if (!(await draft.has(KEYS.devices, newId(device.id)))) indexDevice(draft, device);
          draft.write('hset', KEYS.devices, device.id, JSON.stringify(device));
          if (present !== undefined) writeCredentials(draft, device.id, present, former);
        },
      ),
    ),
    due: section(
      parts,
      async function* () {
        for await (const ids of idPages(queue, KEYS.deviceNames)) {
          const times = (await queue.send('zmscore', [KEYS.stateDue, ...ids])) as readonly (string | null)[];
          for (const [at, id] of ids.entries()) {
            const time = times[at];
            if (typeof time === 'string') yield { deviceId: id as DeviceId, at: Number(time) };
          }
        }
      },
      (draft, { deviceId, at }) => draft.write('zadd', KEYS.stateDue, at, deviceId),
    ),
    customers: section(
      parts,
      () => recordsByName<Customer>(queue, KEYS.customerTitles, KEYS.customers),
      (draft, customer) => writeCustomer(draft, customer),
    ),
    owners: section(
      parts,
      async function* () {
        for await (const page of entityPages(queue)) {
          const found = await textsOf(
            queue,
            KEYS.customerOf,
            page.map(({ id }) => id),
          );
          for (const [entityId, customerId] of found) yield { entityId, customerId: customerId as CustomerId };
        }
      },
      (draft, { entityId, customerId }) => draft.write('hset', KEYS.customerOf, entityId, customerId),
    ),
    claims: section(
      parts,
      async function* () {
        for await (const ids of idPages(queue, KEYS.deviceNames)) {
          for (const [id, text] of await textsOf(queue, KEYS.claims, ids)) {
            yield { deviceId: id as DeviceId, registration: jsonOf<ClaimRegistration>(text) };
          }
        }
      },
      (draft, { deviceId, registration }) => draft.write('hset', KEYS.claims, deviceId, JSON.stringify(registration)),
    ),
  };
}

/** Each device has a marker in its own slot. */
function withMarkers(
  { queue }: Pick<TransferParts, 'queue'>,
  devices: Section<TransferItems['devices']>,
): Section<TransferItems['devices']> {
  return {
    items: devices.items,
    async put(items, at) {
      await devices.put(items, at);
      await queue.write(0, () => Promise.all(items.map(({ device }) => queue.send('set', [aliveKey(device.id), 1]))));
    },
  };
}
