import type { CustomerId } from '../../model/ids.ts';
import type { ClaimRegistration, Customer, CustomerStore } from '../customer-store.ts';
import type { Committer } from './committer.ts';
import type { Environment, Tables } from './environment.ts';
import { idKey, idText, newIdKey, textKey } from './keys.ts';
import { adjustCounter, getJson, pageOf, putJson, readCounter } from './records.ts';

/** Name of the counter. */
export const CUSTOMERS = 'customers';
const TITLES = { from: Buffer.from([0]), to: Buffer.from([0xff]) };

export function createCustomerStore({ tables }: Environment, committer: Committer): CustomerStore {
  const { assets, claims, counters, customers, customersByTitle, deviceCustomers, devices } = tables;
  const create = (customer: Customer): boolean => {
    const title = textKey(customer.title);
    const id = newIdKey(customer.id);
    if (customersByTitle.has(title) || customers.has(id)) return false;
    putJson(customers, id, customer);
    customersByTitle.put(title, id);
    adjustCounter(counters, CUSTOMERS, 1);
    return true;
  };
  const byTitle = (title: string): Customer | undefined => {
    const id = customersByTitle.get(textKey(title));
    return id && getJson<Customer>(customers, id);
  };
  return {
    createCustomer: (customer) => committer.run(() => (create(customer) ? 'created' : 'title-taken')),
    customerByTitle: async (title) => byTitle(title),
    ensureCustomer: (customer) =>
      committer.run(() => {
        const standing = byTitle(customer.title);
        if (standing !== undefined) return { customer: standing, created: false };
        return { customer, created: create(customer) };
      }),
    async customer(id) {
      const key = idKey(id);
      return key && getJson<Customer>(customers, key);
    },
    async customers({ page, pageSize }) {
      const toItem = (_: Buffer, id: Buffer): Customer | undefined => getJson<Customer>(customers, id);
      return pageOf(customersByTitle, TITLES, { page, pageSize, total: readCounter(counters, CUSTOMERS), toItem });
    },
    async customerOf(entityId) {
      const key = idKey(entityId);
      const id = key && deviceCustomers.get(key);
      return id && (idText(id) as CustomerId);
    },
    async register(deviceId, registration, now) {
      const id = idKey(deviceId);
      if (id === undefined) return false;
      return committer.run(() => {
        if (!devices.has(id) || deviceCustomers.has(id)) return false;
        const standing = getJson<ClaimRegistration>(claims, id);
        if (standing !== undefined && standing.expiresAt > now) return false;
        putJson(claims, id, registration);
        return true;
      });
    },
    async registration(deviceId) {
      const id = idKey(deviceId);
      return id && getJson<ClaimRegistration>(claims, id);
    },
    async dropRegistration(deviceId) {
      const id = idKey(deviceId);
      if (id !== undefined) await committer.run(() => claims.remove(id));
    },
    async assign(deviceId, customerId) {
      const id = idKey(deviceId);
      const customer = idKey(customerId);
      if (id === undefined || customer === undefined) return 'unknown';
      return committer.run(() => {
        if (!devices.has(id) || !customers.has(customer)) return 'unknown';
        claims.remove(id);
        if (deviceCustomers.has(id)) return 'owned';
        deviceCustomers.put(id, customer);
        return 'assigned';
      });
    },
    async give(entityId, customerId) {
      const id = idKey(entityId);
      const customer = idKey(customerId);
      if (id === undefined || customer === undefined) return 'unknown';
      return committer.run(() => {
        if (!(devices.has(id) || assets.has(id)) || !customers.has(customer)) return 'unknown';
        claims.remove(id);
        if (deviceCustomers.get(id)?.equals(customer)) return 'unchanged';
        deviceCustomers.put(id, customer);
        return 'given';
      });
    },
    async unassign(entityId) {
      const id = idKey(entityId);
      return id === undefined ? false : committer.run(() => deviceCustomers.remove(id));
    },
  };
}

/** Inside the transaction that deletes the device or asset. */
export function forgetCustomer({ claims, deviceCustomers }: Tables, id: Buffer): void {
  claims.remove(id);
  deviceCustomers.remove(id);
}
