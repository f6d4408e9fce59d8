import { BrokerError } from '../errors.ts';
import type { Clock } from '../model/clock.ts';
import { CREDENTIALS_TYPES } from '../model/device.ts';
import type { CredentialsEnds } from '../registry/registry.ts';
import { integer, oneOf, optional, text } from '../schema/fields.ts';
import type { AdminDeps } from './deps.ts';
import { findDevice } from './lookup.ts';
import { defineRoute, type Route } from './route.ts';
import { object } from './wire.ts';

const tag = 'devices';
const URL = '/api/gridmoor/devices/:id/credentials';
const MAX_OVERLAP_MS = 366 * 86_400_000;
const time = { type: 'integer', description: 'Milliseconds since 1970.' } as const;
const LIFE = object({ type: { enum: CREDENTIALS_TYPES }, createdAt: time, 'expiresAt?': time });
const STATE = object({ 'present?': LIFE, 'former?': LIFE });
const ref = { id: text('Id or name of the device.') };

/** When old and new credentials end, as members of a rotation. */
export const CREDENTIALS_ENDS = {
  keepFormerMs: optional(
    integer('So long the old credentials live on beside the new ones, ms; absent: they end now.', {
      minimum: 1,
      maximum: MAX_OVERLAP_MS,
    }),
  ),
  expiresAt: optional(integer('When the new credentials end, ms since 1970; absent: never.', { minimum: 1 })),
};

/** Throws BAD_REQUEST for an end that has passed. */
export function credentialsEnds(
  { keepFormerMs, expiresAt }: { readonly keepFormerMs?: number | undefined; readonly expiresAt?: number | undefined },
  clock: Clock,
): CredentialsEnds {
  const now = clock.now();
  if (expiresAt !== undefined && expiresAt <= now) {
    throw new BrokerError('BAD_REQUEST', { field: 'expiresAt', detail: '"expiresAt" has passed' });
  }
  return {
    ...(keepFormerMs === undefined ? {} : { keepFormerUntil: now + keepFormerMs }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

/** What credentials a device has, and their end before its time. */
export function credentialsEndRoutes(deps: AdminDeps): readonly Route[] {
  const { registry, deviceApi } = deps;
  const deviceNamed = async (id: string) => {
    const device = await findDevice(id, deps);
    if (!device) throw new BrokerError('DEVICE_NOT_FOUND', { field: 'id' });
    return device;
  };
  return [
    defineRoute({
      method: 'GET',
      url: URL,
      tag,
      summary: 'Kinds and ends of the credentials a device has, never the credentials.',
      role: 'read-only',
      params: ref,
      answer: STATE,
      handle: async ({ params }) => registry.credentialsState((await deviceNamed(params.id)).id),
    }),
    defineRoute({
      method: 'POST',
      url: `${URL}/revoke`,
      tag,
      summary: 'Ends the former credentials, or all: the device then cannot log in until it is rotated.',
      role: 'administrator',
      params: ref,
      body: { which: oneOf('Which end now.', ['former', 'all']) },
      answer: STATE,
      async handle({ params, body, by }) {
        const { id } = await deviceNamed(params.id);
        await registry.revoke(id, body.which, by);
        await deviceApi.credentialsChanged(id);
        return registry.credentialsState(id);
      },
    }),
  ];
}
