import { BrokerError } from '../errors.ts';
import { text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { list, object } from './wire.ts';

const string = { type: 'string' };
const FILE = object({
  uri: { ...string, description: 'What stands in the values that the device sent with it.' },
  name: string,
  size: { type: 'integer', description: 'Bytes.' },
  storedTime: { type: 'integer', description: 'Milliseconds since 1970.' },
  path: { ...string, description: 'Where anybody who has this path fetches it.' },
});

/** Files that devices sent beside their messages. */
export function deviceFileRoutes(deps: AdminDeps): readonly Route[] {
  const { files } = deps.deviceApi.things;
  return [
    defineRoute({
      method: 'GET',
      url: '/api/gridmoor/devices/:id/files',
      tag: 'devices',
      summary: 'Files that a device sent beside its messages, with a path to each.',
      role: 'operator',
      params: { id: text('Id or name of the device.') },
      answer: list(FILE),
      async handle({ params }) {
        const device = await findDevice(params.id, deps);
        if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
        const found = await files.list(device.id);
        return found.map(({ uri, name, size, storedAt }) => ({
          uri,
          name,
          size,
          storedTime: storedAt,
          path: files.link(device.id, uri),
        }));
      },
    }),
  ];
}
