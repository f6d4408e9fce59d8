import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { parseProvisionRequest } from '../../src/provisioning/request.ts';
import { openRooms } from '../helpers/rooms.ts';
import { KEY, N1, N3, provisioningOf, SECRET, signed, T0 } from '../helpers/signed-requests.ts';

describe('signed provisioning', () => {
  it('N1: a request signed with the secret makes the device, and the secret is not in it', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    expect(JSON.stringify(N1)).not.toContain(SECRET);
    expect(await ask(N1)).toBe('SUCCESS created');
    expect(await rooms.registry.deviceByName('meter-0001')).toMatchObject({ profile: 'meter' });
  });

  it('N2, N3: so does one signed with the key of the device', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    expect(await ask({ ...N3, sign: String(N3.sign).toUpperCase() })).toBe('SUCCESS created');
    const derived = createHmac('sha256', SECRET).update('TBP1-device\nmeter-0001').digest();
    expect(derived.toString('hex')).toBe('efd8a70740e0c9b32e4fd2dcd0484c518be5650f78f394bde6eed4fcc31bd1de');
    // The key of one device is of no use to another.
    expect(await ask(signed({ deviceName: 'meter-0002' }, derived))).toBe('NOT_FOUND not-found');
  });

  it('the same nonce again is refused, from any instance, and nothing is made', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    const other = provisioningOf(rooms);
    expect(await ask(N1)).toBe('SUCCESS created');
    expect(await ask(N1)).toBe('NOT_FOUND replay');
    expect(await other.ask(signed({ deviceName: 'meter-0009' }))).toBe('NOT_FOUND replay');
    expect(await rooms.storage.registry.deviceCount()).toBe(1);
    const racing = Array.from({ length: 20 }, (_, at) =>
      (at % 2 ? ask : other.ask)(signed({ deviceName: `racer-${at}`, nonce: 'one-nonce-for-all-of-them' })),
    );
    expect((await Promise.all(racing)).filter((end) => end === 'SUCCESS created')).toHaveLength(1);
  });

  it('a signature that is wrong spends no nonce', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    expect(await ask({ ...N1, sign: 'f'.repeat(64) })).toBe('NOT_FOUND not-found');
    expect(await ask(N1)).toBe('SUCCESS created');
  });

  it('a changed byte of any signed field is refused', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    const changes: JsonObject[] = [
      { claims: '{"credentialsType":"ACCESS_TOKEN" }' },
      { deviceName: 'meter-0002' },
      { timestamp: T0 + 1 },
      { nonce: 'n0nce-00112233445566778890' },
      { provisionDeviceKey: 'pk-demO' },
      { sign: '' },
      { sign: `${String(N1.sign)}00` },
      { sign: 'x'.repeat(64) },
    ];
    for (const change of changes) expect(await ask({ ...N1, ...change })).toBe('NOT_FOUND not-found');
    expect(await rooms.storage.registry.deviceCount()).toBe(0);
  });

  it('a clock may be off by the skew of the profile and no more, either way', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    for (const off of [-301_000, 301_000]) {
      expect(await ask(signed({ timestamp: T0 + off, nonce: `nonce-too-far-away-${off}` }))).toBe(
        'NOT_FOUND clock-skew',
      );
    }
    for (const off of [-300_000, 300_000]) {
      const body = signed({ timestamp: T0 + off, nonce: `nonce-near-enough-${off}`, deviceName: `near${off}` });
      expect(await ask(body)).toBe('SUCCESS created');
    }
    const without = signed({ timestamp: '', nonce: 'nonce-without-a-time-1' });
    expect(await ask(without)).toBe('NOT_FOUND clock-skew');
  });

  it('a nonce is kept for as long as its time is good', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    const body = signed({ timestamp: T0 + 300_000 });
    expect(await ask(body)).toBe('SUCCESS created');
    rooms.clock.set(T0 + 600_000 - 1);
    expect(await ask(body)).toBe('NOT_FOUND replay');
    rooms.clock.set(T0 + 600_001);
    expect(await ask(body)).toBe('NOT_FOUND clock-skew');
  });

  it('a challenge takes the place of the time: once, for a minute', async () => {
    await using rooms = await openRooms();
    const { ask, challenge } = provisioningOf(rooms);
    const { nonce, serverTime, ttl } = challenge();
    expect({ serverTime, ttl }).toEqual({ serverTime: T0, ttl: 60 });
    const body = signed({ nonce, timestamp: 0 });
    expect(await ask(body)).toBe('SUCCESS created');
    expect(await ask(body)).toBe('NOT_FOUND replay');
    const late = challenge().nonce;
    rooms.clock.set(T0 + 60_000);
    expect(await ask(signed({ nonce: late, timestamp: T0 + 60_000 }))).toBe('NOT_FOUND challenge');
    const forged = nonce.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    expect(await ask(signed({ nonce: forged, timestamp: 0 }))).toBe('NOT_FOUND clock-skew');
    const closed = provisioningOf(rooms, { proof: { challenge: false } });
    const refused = closed.challenge().nonce;
    expect(await closed.ask(signed({ nonce: refused, timestamp: T0 }))).toBe('NOT_FOUND challenge');
  });

  it('requireSignature refuses the secret itself, with the answer of a wrong one', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms, { proof: { requireSignature: true } });
    const plain = { provisionDeviceKey: KEY, deviceName: 'plain', provisionDeviceSecret: SECRET };
    expect(await ask(plain)).toBe('NOT_FOUND unsigned');
    expect(await ask({ ...plain, provisionDeviceSecret: 'wrong' })).toBe('NOT_FOUND not-found');
    expect(await ask(N1)).toBe('SUCCESS created');
  });

  it('derivedKeys required refuses the secret as a key, and off refuses derived ones', async () => {
    await using rooms = await openRooms();
    const required = provisioningOf(rooms, { proof: { derivedKeys: 'required' } });
    expect(await required.ask(N1)).toBe('NOT_FOUND not-derived');
    expect(await required.ask(N3)).toBe('SUCCESS created');
    const off = provisioningOf(rooms, { proof: { derivedKeys: 'off' } });
    expect(await off.ask(N3)).toBe('NOT_FOUND not-derived');
  });

  it('the previous secret works until its end, sent and signed', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms, { previous: [{ until: T0 + 1_000 }] });
    const plain = { provisionDeviceKey: KEY, provisionDeviceSecret: 'the-secret-before' };
    expect(await ask({ ...plain, deviceName: 'sent' })).toBe('SUCCESS created');
    expect(await ask(signed({ nonce: 'nonce-of-the-one-before' }, 'the-secret-before'))).toBe('SUCCESS created');
    rooms.clock.set(T0 + 1_000);
    expect(await ask({ ...plain, deviceName: 'late' })).toBe('NOT_FOUND not-found');
    expect(await ask(signed({ nonce: 'nonce-that-comes-late' }, 'the-secret-before'))).toBe('NOT_FOUND not-found');
  });

  it('only what is signed counts: credentials outside the claims do not', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    expect(await ask({ ...N1, token: 'a-token-of-somebody', gateway: true })).toBe('SUCCESS created');
    expect(await rooms.registry.loginByToken('a-token-of-somebody')).toBeUndefined();
    expect(await rooms.registry.deviceByName('meter-0001')).toMatchObject({ gateway: false });
    const claims = JSON.stringify({ token: 'a-token-of-its-own', gateway: true });
    expect(await ask(signed({ claims, deviceName: 'own', nonce: 'nonce-of-a-request-2' }))).toBe('SUCCESS created');
    expect(await rooms.registry.loginByToken('a-token-of-its-own')).toMatchObject({ name: 'own', gateway: true });
  });

  it('a request that is signed and malformed names its field', () => {
    const problem = (change: JsonObject) => {
      const parsed = parseProvisionRequest({ ...N1, ...change });
      return parsed.ok ? 'fine' : parsed.field;
    };
    expect(problem({})).toBe('fine');
    expect(problem({ provisionDeviceSecret: SECRET })).toBe('provisionDeviceSecret');
    expect(problem({ signMethod: 'TBP2' })).toBe('signMethod');
    for (const deviceName of ['', ' a', 'a ', 'a\nb', 'a\u0085b', 'a'.repeat(256), {}]) {
      expect(problem({ deviceName })).toBe('deviceName');
    }
    for (const nonce of ['short', 'n'.repeat(129), []]) expect(problem({ nonce })).toBe('nonce');
    expect(problem({ nonce: 'line\nend-line\nend-line' })).toBe('deviceName');
    for (const timestamp of ['soon', -1, 1.5, '17000000000000000', 'x\ny']) {
      expect(problem({ timestamp })).toBe('timestamp');
    }
    for (const claims of [{}, 1, '', '[]', '{', 'null', `{"a":"${'x'.repeat(8_192)}"}`, '{"a":'.repeat(20)]) {
      expect(problem({ claims })).toBe('claims');
    }
    expect(problem({ claims: '{"__proto__":{"gateway":true}}' })).toBe('fine');
    const { claims: _, ...bare } = N1;
    expect(parseProvisionRequest(bare)).toMatchObject({ ok: false, field: 'claims' });
  });
});
