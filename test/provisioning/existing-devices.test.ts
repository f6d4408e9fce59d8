import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { parseProvisionRequest } from '../../src/provisioning/request.ts';
import { openRooms, type Rooms } from '../helpers/rooms.ts';
import { KEY, provisioningOf, SECRET, signed, T0 } from '../helpers/signed-requests.ts';

const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const shared = Buffer.alloc(32, 7);
const spki = (key: KeyObject): string => key.export({ format: 'der', type: 'spki' }).toString('base64');

/** Ways to show that it is the same device: what it names at first, and how it signs later. */
const KEYS = {
  ed25519: {
    named: { type: 'ed25519', key: spki(ed25519.publicKey) },
    sign: (text: string) => sign(null, Buffer.from(text), ed25519.privateKey).toString('hex'),
  },
  p256: {
    named: { type: 'p256', key: spki(p256.publicKey) },
    sign: (text: string) => sign('sha256', Buffer.from(text), p256.privateKey).toString('hex'),
  },
  'hmac-sha256': {
    named: { type: 'hmac-sha256', key: shared.toString('base64') },
    sign: (text: string) => createHmac('sha256', shared).update(text).digest('hex').toUpperCase(),
  },
} as const;
type Key = (typeof KEYS)[keyof typeof KEYS];

let count = 0;
const nonce = (): string => `nonce-of-request-${++count}`;

/** The first contact of the device. */
const first = ({ named }: Key, deviceName = 'meter-1'): JsonObject =>
  signed({ deviceName, nonce: nonce(), claims: JSON.stringify({ possessionKey: named }) });

/** A later one, which shows by its key that it is the same device. */
function again({ sign: signWith }: Key, fields: JsonObject = {}): JsonObject {
  const body = signed({ deviceName: 'meter-1', nonce: nonce(), claims: '{}', ...fields });
  const digest = createHash('sha256').update(String(body.claims)).digest('hex');
  const lines = ['TBP1-possession', KEY, body.deviceName, body.timestamp, body.nonce, digest];
  return { ...body, possessionSign: signWith(lines.join('\n')) };
}

const login = async (rooms: Rooms, token: string): Promise<boolean> =>
  (await rooms.registry.loginByToken(token)) !== undefined;

describe('a device that exists and asks again', () => {
  it.each(Object.entries(KEYS))('once: gets the same token until it has used it (%s)', async (_type, key) => {
    await using rooms = await openRooms();
    const { tokenOf, ask } = provisioningOf(rooms, { onExisting: 'once' });
    const token = await tokenOf(first(key));
    expect(token).toHaveLength(20);
    expect(await tokenOf(again(key))).toBe(token);
    expect(await ask(again(key))).toBe('SUCCESS returned');
    expect(await login(rooms, token)).toBe(true);
    expect(await ask(again(key))).toBe('FAILURE repeat');
    expect(await login(rooms, token)).toBe(true);
    const device = await rooms.registry.deviceByName('meter-1');
    expect(device?.state).toBe('active');
    // It can be read back no more.
    if (device) expect((await rooms.storage.registry.credentialsOf(device.id))?.sealed).toBeUndefined();
  });

  it('return: gets the same token at any time', async () => {
    await using rooms = await openRooms();
    const { tokenOf } = provisioningOf(rooms, { onExisting: 'return' });
    const token = await tokenOf(first(KEYS.ed25519));
    expect(await login(rooms, token)).toBe(true);
    expect(await tokenOf(again(KEYS.ed25519))).toBe(token);
  });

  it('rotate-until-active: gets a new token each time, until one has been used', async () => {
    await using rooms = await openRooms();
    const { tokenOf, ask } = provisioningOf(rooms, { onExisting: 'rotate-until-active' });
    const old = await tokenOf(first(KEYS.p256));
    const token = await tokenOf(again(KEYS.p256));
    expect(token).not.toBe(old);
    expect(await login(rooms, old)).toBe(false);
    expect(await login(rooms, token)).toBe(true);
    expect(await ask(again(KEYS.p256))).toBe('FAILURE repeat');
  });

  it('rotate: gets a new token at any time, or the one that it asks for', async () => {
    await using rooms = await openRooms();
    const { tokenOf } = provisioningOf(rooms, { onExisting: 'rotate' });
    const old = await tokenOf(first(KEYS['hmac-sha256']));
    expect(await login(rooms, old)).toBe(true);
    const token = await tokenOf(again(KEYS['hmac-sha256']));
    expect(await login(rooms, old)).toBe(false);
    expect(await login(rooms, token)).toBe(true);
    const wanted = again(KEYS['hmac-sha256'], { claims: '{"token":"a-token-of-its-own"}' });
    expect(await tokenOf(wanted)).toBe('a-token-of-its-own');
  });

  it('reject: is refused whatever it shows, as ThingsBoard does', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms);
    await ask(first(KEYS.ed25519));
    expect(await ask(again(KEYS.ed25519))).toBe('FAILURE name-taken');
  });

  it('nobody else gets anything: without a key, with another one, with a signature over something else', async () => {
    await using rooms = await openRooms();
    const { ask, tokenOf } = provisioningOf(rooms, { onExisting: 'rotate' });
    const token = await tokenOf(first(KEYS.ed25519));
    const right = again(KEYS.ed25519);
    const wrong: JsonObject[] = [
      signed({ deviceName: 'meter-1', nonce: nonce() }),
      again(KEYS.p256),
      again(KEYS['hmac-sha256']),
      { ...again(KEYS.ed25519), possessionSign: right.possessionSign ?? '' },
      { ...again(KEYS.ed25519), possessionSign: '' },
      { ...again(KEYS.ed25519), possessionSign: 'zz' },
      { ...again(KEYS.ed25519), possessionSign: 'f'.repeat(5_000) },
      // Its own key of now is not the key of its first contact.
      again(KEYS.p256, { claims: JSON.stringify({ possessionKey: KEYS.p256.named }) }),
    ];
    for (const body of wrong) expect(await ask(body)).toBe('FAILURE not-proved');
    expect(await login(rooms, token)).toBe(true);
    expect(await ask(right)).toBe('SUCCESS rotated');
    expect(await ask(right)).toBe('NOT_FOUND replay');
  });

  it('a device that named no key is refused, and one that signs with its derived key alone is not', async () => {
    await using rooms = await openRooms();
    const plain = provisioningOf(rooms, { onExisting: 'return' });
    await plain.ask(signed({ deviceName: 'keyless', nonce: nonce() }));
    expect(await plain.ask(again(KEYS.ed25519, { deviceName: 'keyless' }))).toBe('FAILURE not-proved');
    const derived = createHmac('sha256', SECRET).update('TBP1-device\nkeyless').digest();
    // Whoever holds the secret of all can derive it, too.
    expect(await plain.ask(signed({ deviceName: 'keyless', nonce: nonce() }, derived))).toBe('FAILURE not-proved');
    const strict = provisioningOf(rooms, { onExisting: 'return', proof: { derivedKeys: 'required' } });
    expect(await strict.ask(signed({ deviceName: 'keyless', nonce: nonce() }, derived))).toBe('SUCCESS returned');
  });

  it('an unsigned request shows possession with a fresh signature, and once', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms, { onExisting: 'return' });
    const plain = { provisionDeviceKey: KEY, provisionDeviceSecret: SECRET, deviceName: 'meter-1' };
    expect(await ask({ ...plain, possessionKey: KEYS.ed25519.named })).toBe('SUCCESS created');
    const unsigned = (fields: JsonObject = {}): JsonObject => {
      const { sign: _, signMethod: __, ...body } = again(KEYS.ed25519, fields);
      return { ...body, provisionDeviceSecret: SECRET };
    };
    const body = unsigned();
    expect(await ask(body)).toBe('SUCCESS returned');
    expect(await ask(body)).toBe('NOT_FOUND replay');
    expect(await ask(unsigned({ timestamp: T0 - 301_000 }))).toBe('NOT_FOUND clock-skew');
    expect(await ask(plain)).toBe('FAILURE not-proved');
  });

  it('a device that is disabled gets nothing', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms, { onExisting: 'return' });
    await ask(first(KEYS.ed25519));
    const device = await rooms.registry.deviceByName('meter-1');
    if (device) await rooms.storage.registry.changeState(device.id, { from: ['active'], to: 'disabled' });
    expect(await ask(again(KEYS.ed25519))).toBe('FAILURE disabled');
  });

  it('keys that are none are refused by name, and a shared one is nowhere in clear', async () => {
    await using rooms = await openRooms();
    const { ask } = provisioningOf(rooms, { onExisting: 'once' });
    await ask(first(KEYS['hmac-sha256']));
    const device = await rooms.registry.deviceByName('meter-1');
    const kept = await rooms.storage.attributes.read(device?.id ?? '', 'SERVER_SCOPE');
    expect(JSON.stringify([...kept])).toContain('possessionKey');
    expect(JSON.stringify([...kept])).not.toContain(shared.toString('base64'));
    const wrong: unknown[] = [
      'text',
      [],
      {},
      { type: 'rsa', key: KEYS.ed25519.named.key },
      { type: 'ed25519', key: KEYS.p256.named.key },
      { type: 'p256', key: KEYS.ed25519.named.key },
      { type: 'p256', key: 'AAAA' },
      { type: 'hmac-sha256', key: Buffer.alloc(31).toString('base64') },
      { type: 'hmac-sha256', key: Buffer.alloc(129).toString('base64') },
      { type: 'hmac-sha256', key: { length: 40 } },
    ];
    for (const possessionKey of wrong) {
      const body = { provisionDeviceKey: KEY, provisionDeviceSecret: SECRET, possessionKey } as JsonObject;
      expect(parseProvisionRequest(body)).toMatchObject({ ok: false, field: 'possessionKey' });
    }
  });

  it('case 44: a power cut after any step leaves the old state or the whole new one', async () => {
    await using rooms = await openRooms();
    const dead = (_done?: unknown): never => {
      throw new Error('power cut');
    };
    const { registry } = rooms;
    const cutBefore = { ...registry, create: async () => dead(), rotate: async () => dead() };
    const cutBehind: Rooms['registry'] = {
      ...registry,
      create: async (options) => dead(await registry.create(options)),
      rotate: async (...args) => dead(await registry.rotate(...args)),
    };
    const key = KEYS.ed25519;
    for (const onExisting of ['once', 'rotate-until-active'] as const) {
      const deviceName = onExisting;
      const named = () => first(key, deviceName);
      const options = { onExisting };
      await expect(provisioningOf(rooms, { ...options, registry: cutBefore }).ask(named())).rejects.toThrow();
      expect(await registry.deviceByName(deviceName)).toBeUndefined();
      await expect(provisioningOf(rooms, { ...options, registry: cutBehind }).ask(named())).rejects.toThrow();
      expect(await registry.deviceByName(deviceName)).toMatchObject({ state: 'issued' });
      // The device has heard nothing: it comes again, shows its key, and gets in.
      const whole = provisioningOf(rooms, options);
      const proven = { ...again(key, { deviceName }) };
      if (onExisting === 'rotate-until-active') {
        for (const cut of [cutBefore, cutBehind]) {
          const fresh = again(key, { deviceName });
          await expect(provisioningOf(rooms, { ...options, registry: cut }).ask(fresh)).rejects.toThrow();
        }
      }
      const token = await whole.tokenOf(proven);
      expect(await login(rooms, token)).toBe(true);
      expect(await whole.ask(again(key, { deviceName }))).toBe('FAILURE repeat');
    }
    expect(await rooms.storage.registry.deviceCount('meter')).toBe(2);
  });

  it('case 45: 1,000 requests at once with 50 doubled serials make 950 devices, each twice with one token', async () => {
    await using rooms = await openRooms();
    const { tokenOf } = provisioningOf(rooms, { onExisting: 'once' });
    const nameOf = (at: number): string => `rod-${at % 950}`;
    const tokens = await Promise.all(
      Array.from({ length: 1_000 }, async (_, at) => {
        const claims = JSON.stringify({ possessionKey: KEYS['hmac-sha256'].named });
        return tokenOf(again(KEYS['hmac-sha256'], { deviceName: nameOf(at), claims }));
      }),
    );
    expect(await rooms.storage.registry.deviceCount('meter')).toBe(950);
    for (let at = 950; at < 1_000; at++) expect(tokens[at]).toBe(tokens[at - 950]);
    expect(new Set(tokens).size).toBe(950);
  });
});
