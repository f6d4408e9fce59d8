import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDevice, codeOf, type DialectBroker, ENOS, enosNames, enosProfile, startDialects } from './kit.ts';

const GROUP = { groupId: 'g-1', secret: { env: 'GROUP_SECRET' } };
const SECRET = 'group-password-0123456789';
const endpoints = { mqtt: 'mqtts://iot.example.org:8883', http: 'https://iot.example.org' };

interface Fields {
  readonly deviceSn?: unknown;
  readonly groupId?: unknown;
  readonly dpsSignTimestamp?: unknown;
  readonly dpsSign?: unknown;
  readonly dpsSignMethod?: unknown;
}

/** A request as a device signs it, with the fields in their place. */
function request(deviceSn: string, more: Fields = {}): string {
  const dpsSignTimestamp = more.dpsSignTimestamp ?? Date.now();
  const dpsSign = createHash('sha256').update(`${SECRET}${deviceSn}${dpsSignTimestamp}`).digest('hex');
  return JSON.stringify({ deviceSn, groupId: 'g-1', dpsSignMethod: 'sha256', dpsSignTimestamp, dpsSign, ...more });
}

describe('bootstrap of EnOS devices', () => {
  let dialects: DialectBroker;
  const post = async (body: string): Promise<{ status: number; body: Record<string, string> }> => {
    const answer = await fetch(`${dialects.broker.url}/dps/bootstrap`, { method: 'POST', body });
    return { status: answer.status, body: (await answer.json()) as Record<string, string> };
  };

  beforeAll(async () => {
    const provision = {
      strategy: 'check-pre-provisioned-devices',
      dynamic: true,
      bootstrap: GROUP,
      endpoints,
      allowList: { mode: 'serials' },
    };
    const listeners = { allowPlaintextProvisioning: true };
    dialects = await startDialects([enosProfile('rod', { provision, listeners })], { env: { GROUP_SECRET: SECRET } });
    for (const deviceKey of ['sn-0041', 'sn-0042', 'sn-0043']) await addDevice(dialects.broker, 'rod', deviceKey);
    await fetch(`${dialects.broker.url}/api/gridmoor/profiles/rod/serials`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${dialects.broker.adminKey}` },
      body: JSON.stringify({ serials: ['sn-0041', 'sn-0042', 'sn-9999'] }),
    });
  });
  afterAll(() => dialects[Symbol.asyncDispose]());

  it('case 41: an allocated serial gets addresses and secret, the same ones again until it logs in', async () => {
    const first = await post(request('sn-0041'));
    expect(first).toMatchObject({
      status: 200,
      body: { murl: endpoints.mqtt, hurl: endpoints.http, pk: ENOS.productKey, dk: 'sn-0041' },
    });
    expect(first.body.ds).toMatch(/^[0-9a-f]{32}$/);
    expect(await post(request('sn-0041'))).toEqual(first);
    const names = enosNames({ deviceKey: 'sn-0041', secret: first.body.ds ?? '' });
    expect(await codeOf(dialects.broker, names)).toBe(0);
    expect((await post(request('sn-0041'))).body.code).toBe(10000);
  });

  it('case 41: a serial that is not allocated is refused, with the answer of a wrong signature', async () => {
    const refused = { status: 401, body: { code: 10000, msg: 'the device is not allocated' } };
    // Listed but not registered, registered but not listed, neither.
    for (const serial of ['sn-9999', 'sn-0043', 'sn-0000']) expect(await post(request(serial))).toEqual(refused);
    const wrong: Fields[] = [
      { groupId: 'g-2' },
      { dpsSign: 'f'.repeat(64) },
      { dpsSign: 'short' },
      { dpsSignMethod: 'md5' },
      { deviceSn: 'sn-0043' },
      { dpsSignTimestamp: Date.now() - 301_000 },
      { dpsSignTimestamp: 'now' },
    ];
    for (const more of wrong) expect(await post(request('sn-0042', more))).toEqual(refused);
    expect((await post(request('sn-0042'))).status).toBe(200);
  });

  it('what is no request names its field', async () => {
    for (const body of [
      '',
      '[]',
      '{}',
      'x',
      request('sn-0042', { deviceSn: {} }),
      request('sn-0042', { dpsSign: '' }),
    ]) {
      expect(await post(body)).toMatchObject({ status: 400, body: { code: 99400 } });
    }
    const { body } = await post(request('sn-0042', { groupId: 'g'.repeat(600) }));
    expect(body.msg).toContain('groupId');
  });
});
