import type { CustomerId } from '../../model/ids.ts';
import type { ClaimRegistration, Customer, CustomerStore } from '../customer-store.ts';
import type { Commits, Draft } from './commit.ts';
import { closed, isId, KEYS, newId } from './keys.ts';
import { idByName, pageOfNames, recordOf } from './names.ts';
import type { Queue } from './queue.ts';

export function createCustomerStore(queue: Queue, commits: Commits): CustomerStore {
  const byTitle = (draft: Draft, title: string) => draft.members(KEYS.customerTitles, closed(title), 1);
  const create = async (draft: Draft, customer: Customer): Promise<boolean> => {
    const [[taken], standing] = await Promise.all([
      byTitle(draft, customer.title),
      draft.field(KEYS.customers, newId(customer.id)),
    ]);
    if (taken !== undefined || standing !== undefined) return false;
    writeCustomer(draft, customer);
    return true;
  };
  return {
    createCustomer: (customer) =>
      commits.run(customer.id, async (draft) => ((await create(draft, customer)) ? 'created' : 'title-taken')),
    async customerByTitle(title) {
      const id = await idByName(queue, KEYS.customerTitles, closed(title));
      return id === undefined ? undefined : recordOf<Customer>(queue, KEYS.customers, id);
    },
    ensureCustomer: (customer) =>
      commits.run(customer.id, async (draft) => {
        const prefix = closed(customer.title);
        const [member] = await byTitle(draft, customer.title);
        const standing = member && (await draft.record<Customer>(KEYS.customers, member.slice(prefix.length)));
        if (standing) return { customer: standing, created: false };
        return { customer, created: await create(draft, customer) };
      }),
    customer: async (id) => recordOf<Customer>(queue, KEYS.customers, id),
    customers: (query) => pageOfNames<Customer>(queue, { index: KEYS.customerTitles, records: KEYS.customers }, query),
    async customerOf(entityId) {
      return (((await queue.send('hget', [KEYS.customerOf, entityId])) as string | null) ?? undefined) as
        | CustomerId
        | undefined;
    },
    async register(deviceId, registration, now) {
      if (!isId(deviceId)) return false;
      return commits.run(deviceId, async (draft) => {
        const [device, customer, standing] = await Promise.all([
          draft.field(KEYS.devices, deviceId),
          draft.field(KEYS.customerOf, deviceId),
          draft.record<ClaimRegistration>(KEYS.claims, deviceId),
        ]);
        if (device === undefined || customer !== undefined) return false;
        if (standing !== undefined && standing.expiresAt > now) return false;
        draft.write('hset', KEYS.claims, deviceId, JSON.stringify(registration));
        return true;
      });
    },
    registration: async (deviceId) => recordOf<ClaimRegistration>(queue, KEYS.claims, deviceId),
    dropRegistration: (deviceId) => commits.run(deviceId, async (draft) => draft.write('hdel', KEYS.claims, deviceId)),
    async assign(deviceId, customerId) {
      return commits.run(deviceId, async (draft) => {
        const [device, customer, owner] = await Promise.all([
          draft.field(KEYS.devices, deviceId),
          draft.field(KEYS.customers, customerId),
          draft.field(KEYS.customerOf, deviceId),
        ]);
        if (device === undefined || customer === undefined) return 'unknown';
        draft.write('hdel', KEYS.claims, deviceId);
        if (owner !== undefined) return 'owned';
        draft.write('hset', KEYS.customerOf, deviceId, customerId);
        return 'assigned';
      });
    },
    async give(entityId, customerId) {
      return commits.run(entityId, async (draft) => {
        const [device, asset, customer, owner] = await Promise.all([
          draft.field(KEYS.devices, entityId),
          draft.field(KEYS.assets, entityId),
          draft.field(KEYS.customers, customerId),
          draft.field(KEYS.customerOf, entityId),
        ]);
        if ((device ?? asset) === undefined || customer === undefined) return 'unknown';
        draft.write('hdel', KEYS.claims, entityId);
        if (owner === customerId) return 'unchanged';
        draft.write('hset', KEYS.customerOf, entityId, customerId);
        return 'given';
      });
    },
    unassign: (entityId) =>
      commits.run(entityId, async (draft) => {
        if ((await draft.field(KEYS.customerOf, entityId)) === undefined) return false;
        draft.write('hdel', KEYS.customerOf, entityId);
        return true;
      }),
  };
}

/** Record and index of a customer. */
export function writeCustomer(draft: Draft, customer: Customer): void {
  draft.write('hset', KEYS.customers, newId(customer.id), JSON.stringify(customer));
  draft.write('zadd', KEYS.customerTitles, 0, `${closed(customer.title)}${customer.id}`);
}

/** Within the step that deletes the device or asset. */
export function forgetCustomer(draft: Draft, id: string): void {
  draft.write('hdel', KEYS.claims, id);
  draft.write('hdel', KEYS.customerOf, id);
}
