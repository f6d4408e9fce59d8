import type { Device, StoredCredentials } from '../../../model/device.ts';
import type { CustomerId, DeviceId } from '../../../model/ids.ts';
import type { ClaimRegistration, Customer } from '../../customer-store.ts';
import type { Sections } from '../../transfer.ts';
import { setDue } from '../connectivity-store.ts';
import { CUSTOMERS } from '../customer-store.ts';
import { EMPTY_HEAD } from '../head.ts';
import { idText, newIdKey, SEQUENCE_BYTES, textKey } from '../keys.ts';
import { adjustCounter, getJson, jsonOf, putJson } from '../records.ts';
import { indexDevice } from '../registry-store.ts';
import { entriesOf, section, type TransferParts } from './section.ts';

type Names = 'devices' | 'due' | 'customers' | 'owners' | 'claims';

/** Devices with their credentials, and whose they are. */
export function registrySections(parts: TransferParts): Pick<Sections, Names> {
  const { tables } = parts.environment;
  const credentialsAt = (id: Buffer, which: 'credentials' | 'formerCredentials'): StoredCredentials | undefined =>
    getJson<StoredCredentials>(tables[which], id);
  return {
    devices: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.devices)) {
          const [present, former] = [credentialsAt(key, 'credentials'), credentialsAt(key, 'formerCredentials')];
          yield { device: jsonOf<Device>(value), ...(present ? { present } : {}), ...(former ? { former } : {}) };
        }
      },
      (_, { device, present, former }) => {
        const id = newIdKey(device.id);
        if (!tables.devices.has(id)) {
          indexDevice(tables, id, device);
          tables.heads.put(id, EMPTY_HEAD);
        }
        putJson(tables.devices, id, device);
        if (present !== undefined) putJson(tables.credentials, id, present);
        if (former !== undefined) putJson(tables.formerCredentials, id, former);
        for (const one of [present, former]) if (one) tables.credentialsByIndex.put(textKey(one.index), id);
      },
    ),
    due: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.stateDueOf)) {
          yield { deviceId: idText(key) as DeviceId, at: value.readUIntBE(0, SEQUENCE_BYTES) };
        }
      },
      (_, { deviceId, at }) => setDue(tables, newIdKey(deviceId), at),
    ),
    customers: section(
      parts,
      function* () {
        for (const { value } of entriesOf(tables.customers)) yield jsonOf<Customer>(value);
      },
      (_, customer) => {
        const id = newIdKey(customer.id);
        if (!tables.customers.has(id)) adjustCounter(tables.counters, CUSTOMERS, 1);
        putJson(tables.customers, id, customer);
        tables.customersByTitle.put(textKey(customer.title), id);
      },
    ),
    owners: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.deviceCustomers)) {
          yield { entityId: idText(key), customerId: idText(value) as CustomerId };
        }
      },
      (_, { entityId, customerId }) => tables.deviceCustomers.put(newIdKey(entityId), newIdKey(customerId)),
    ),
    claims: section(
      parts,
      function* () {
        for (const { key, value } of entriesOf(tables.claims)) {
          yield { deviceId: idText(key) as DeviceId, registration: jsonOf<ClaimRegistration>(value) };
        }
      },
      (_, { deviceId, registration }) => putJson(tables.claims, newIdKey(deviceId), registration),
    ),
  };
}
