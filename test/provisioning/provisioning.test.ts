import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { NO_RULES } from '../../src/profiles/index.ts';
import { createOnce } from '../../src/provisioning/once.ts';
import { createProvisioning } from '../../src/provisioning/provisioning.ts';
import { parseProvisionRequest } from '../../src/provisioning/request.ts';
import { createProvisionTargets, type ProvisionTarget } from '../../src/provisioning/targets.ts';
import { createDeviceCertificates } from '../../src/registry/certificates.ts';
import { admissionOf } from '../helpers/admission.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';

function provisioningOf(rooms: Rooms, more: Partial<ProvisionTarget> = {}) {
  const { storage, registry, hash, clock } = rooms;
  const target: ProvisionTarget = {
    profile: 'meter',
    strategy: 'allow-create-new-devices',
    secrets: [{ hash: hash.hash('provision-secret', 'right') }],
    onExisting: 'reject',
    rules: NO_RULES,
    ...more,
  };
  const targets = createProvisionTargets(new Map([['key', target]]), hash);
  const provisioning = createProvisioning({
    registry,
    store: storage.registry,
    audit: storage.audit,
    hash,
    clock,
    once: createOnce(storage.documents, clock),
    admit: admissionOf(rooms).admit,
    customers: storage.customers,
    attributes: storage.attributes,
    certificates: createDeviceCertificates({ documents: storage.documents, audit: storage.audit, clock }),
    targets: () => targets,
  });
  return async (fields: JsonObject) => {
    const parsed = parseProvisionRequest({ provisionDeviceKey: 'key', provisionDeviceSecret: 'right', ...fields });
    if (!parsed.ok) throw new Error(parsed.problem);
    return provisioning.provision(parsed.request, '127.0.0.1');
  };
}

describe('provisioning', () => {
  it('a failure leaves nothing behind', async () => {
    await using rooms = await openRooms();
    const ask = provisioningOf(rooms);
    await ask({ deviceName: 'a', token: 'token-a' });
    expect((await ask({ deviceName: 'b', token: 'token-a' })).reason).toBe('credentials-taken');
    expect(await rooms.registry.deviceByName('b')).toBeUndefined();
    expect(await rooms.storage.registry.deviceCount('meter')).toBe(1);
  });

  it('50 requests at once for one name make one device', async () => {
    await using rooms = await openRooms();
    const ask = provisioningOf(rooms);
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, i) => ask({ deviceName: 'one', token: `token-${i}` })),
    );
    expect(all.filter(({ answer }) => answer.status === 'SUCCESS')).toHaveLength(1);
    expect(await rooms.storage.registry.deviceCount()).toBe(1);
  });

  it("a profile's rate refuses with FAILURE, and lets in again as time passes", async () => {
    await using rooms = await openRooms();
    const ask = provisioningOf(rooms, { rate: '2:60' });
    expect((await ask({})).answer.status).toBe('SUCCESS');
    expect((await ask({})).answer.status).toBe('SUCCESS');
    expect(await ask({})).toMatchObject({ answer: { status: 'FAILURE' }, reason: 'rate' });
    rooms.clock.set(rooms.clock.now() + 60_000);
    expect((await ask({})).answer.status).toBe('SUCCESS');
  });

  it('a wrong secret spends nothing of the rate', async () => {
    await using rooms = await openRooms();
    const ask = provisioningOf(rooms, { rate: '1:60' });
    for (let i = 0; i < 5; i++) expect((await ask({ provisionDeviceSecret: 'wrong' })).reason).toBe('not-found');
    expect((await ask({})).answer.status).toBe('SUCCESS');
  });

  it('pre-provisioned: 20 requests at once hand the credentials out once, and the sealed copy is gone', async () => {
    await using rooms = await openRooms();
    const made = await rooms.registry.create({
      name: 'waiting',
      profile: 'meter',
      credentials: { type: 'ACCESS_TOKEN', token: 'stored-token' },
      keepSealed: true,
      by: 'test',
    });
    if (made.kind !== 'created') throw new Error(made.kind);
    const ask = provisioningOf(rooms, { strategy: 'check-pre-provisioned-devices' });
    const all = await Promise.all(Array.from({ length: 20 }, () => ask({ deviceName: 'waiting' })));
    const given = all.flatMap(({ answer }) => (answer.status === 'SUCCESS' ? [answer.credentials] : []));
    expect(given).toEqual([{ type: 'ACCESS_TOKEN', token: 'stored-token' }]);
    expect((await rooms.storage.registry.credentialsOf(made.device.id))?.sealed).toBeUndefined();
  });

  it('every request with a right secret leaves an audit line, none holds a secret', async () => {
    await using rooms = await openRooms();
    const ask = provisioningOf(rooms);
    await ask({ deviceName: 'a', token: 'token-a' });
    await ask({ deviceName: 'a', token: 'token-b' });
    const { data } = await rooms.storage.audit.list({ page: 0, pageSize: 10 });
    expect(data.map(({ outcome }) => outcome)).toEqual(['name-taken', 'created']);
    expect(JSON.stringify(data)).not.toMatch(/token-|right/);
  });
});
