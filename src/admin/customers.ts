import { BrokerError } from '../errors.ts';
import type { Device } from '../model/device.ts';
import { type CustomerId, newCustomerId, parseCustomerId } from '../model/ids.ts';
import { Secret } from '../model/secret.ts';
import { nameProblem } from '../registry/registry.ts';
import { optional, text } from '../schema/fields.ts';
import type { Customer } from '../storage/customer-store.ts';
import type { AdminDeps } from './deps.ts';
import { deviceAnswer } from './device-answer.ts';
import { idParam, pageFields } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { countedPageOf, DEVICE, NO_CONTENT, object, toCountedPage } from './wire.ts';

const tag = 'customers and claiming';
const string = { type: 'string' } as const;
const CUSTOMER = object({
  id: object({ entityType: string, id: string }),
  createdTime: { type: 'integer' },
  title: string,
  name: string,
});
const toCustomer = ({ id, title, createdAt }: Customer) => ({
  id: { entityType: 'CUSTOMER', id },
  createdTime: createdAt,
  title,
  name: title,
});
const CLAIM_URL = '/api/customer/device/:name/claim';
const nameParam = { name: text('Name of the device.') };

/** Customers as far as claiming needs them, and claiming (thingsboard-device-api 3.10), under ThingsBoard's paths. */
export function customerRoutes(deps: AdminDeps): readonly Route[] {
  const { clock, deviceApi, registry, storage } = deps;
  const { customers, audit } = storage;
  const deviceOf = async (name: string): Promise<Device> => {
    const device = await registry.deviceByName(name);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'name' });
    return device;
  };
  return [
    defineRoute({
      method: 'POST',
      url: '/api/customer',
      tag,
      summary: 'Creates a customer.',
      role: 'administrator',
      lenient: true,
      body: { title: text('Unique title.', { minLength: 1 }) },
      answer: CUSTOMER,
      async handle({ body, by }) {
        const title = body.title.trim();
        const problem = nameProblem(title);
        if (problem) throw new BrokerError('BAD_REQUEST', { field: 'title', detail: problem });
        const now = clock.now();
        const customer = { id: newCustomerId(now), title, createdAt: now };
        if ((await customers.createCustomer(customer)) === 'title-taken') {
          throw new BrokerError('NAME_TAKEN', { field: 'title' });
        }
        const subject = `customer:${customer.id}`;
        await audit.append({ at: now, action: 'customer.create', by, subject, outcome: 'created' });
        return toCustomer(customer);
      },
    }),
    defineRoute({
      method: 'GET',
      url: '/api/customers',
      tag,
      summary: 'Customers by title.',
      role: 'read-only',
      lenient: true,
      query: pageFields,
      answer: countedPageOf(CUSTOMER),
      handle: async ({ query }) => toCountedPage(await customers.customers(query), query.pageSize, toCustomer),
    }),
    defineRoute({
      method: 'GET',
      url: '/api/customer/:id',
      tag,
      summary: 'One customer.',
      role: 'read-only',
      lenient: true,
      params: idParam,
      answer: CUSTOMER,
      async handle({ params }) {
        const customer = await customers.customer(customerIdOf(params.id, 'id'));
        if (!customer) throw new BrokerError('NOT_FOUND', { field: 'id' });
        return toCustomer(customer);
      },
    }),
    defineRoute({
      method: 'POST',
      url: CLAIM_URL,
      tag,
      summary: 'Claims a device for a customer with the secret that the device offered. A wrong one ends the offer.',
      role: 'operator',
      lenient: true,
      params: nameParam,
      query: { customerId: text('For whom: keys of this API belong to no customer.') },
      body: { secretKey: optional(text('What the device published; absent = empty.')) },
      answer: object({ response: { const: 'SUCCESS' }, device: DEVICE }),
      async handle({ params, query, body, by }) {
        const device = await deviceOf(params.name);
        const customer = customerIdOf(query.customerId, 'customerId');
        const response = await deviceApi.claims.claim(device, new Secret(body.secretKey ?? ''), customer, by);
        if (response === 'CLAIMED') throw new BrokerError('ALREADY_CLAIMED', { device: device.id });
        if (response === 'FAILURE') throw new BrokerError('CLAIM_FAILED', { device: device.id });
        return { response, device: await deviceAnswer(device, deps) };
      },
    }),
    defineRoute({
      method: 'DELETE',
      url: CLAIM_URL,
      tag,
      summary: 'Takes a device from its customer.',
      role: 'operator',
      lenient: true,
      params: nameParam,
      answer: NO_CONTENT,
      async handle({ params, by }) {
        const device = await deviceOf(params.name);
        if (!(await deviceApi.claims.reclaim(device, by))) {
          throw new BrokerError('BAD_REQUEST', { detail: 'the device has no customer' });
        }
      },
    }),
  ];
}

function customerIdOf(text: string, field: string): CustomerId {
  const id = parseCustomerId(text);
  if (id === undefined) throw new BrokerError('BAD_REQUEST', { field, detail: `"${field}" is not a UUID` });
  return id;
}
