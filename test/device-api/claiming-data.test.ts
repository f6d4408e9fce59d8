import { describe, expect, it } from 'vitest';
import { offerFrom, sealClaimingData } from '../../src/device-api/claiming-data.ts';
import type { JsonObject, JsonValue } from '../../src/model/json.ts';
import { createKeyedHash } from '../../src/model/keyed-hash.ts';
import type { AttributeWrite } from '../../src/storage/attribute-store.ts';

const DEVICE = '0193b5f2-0000-7000-8000-000000000001';
const hash = createKeyedHash(Buffer.alloc(32, 7));

async function saved(values: JsonObject, more: Partial<AttributeWrite> = {}): Promise<JsonObject> {
  const writes: AttributeWrite[] = [];
  const store = sealClaimingData(
    {
      save: async (write) => {
        writes.push(write);
        return Object.keys(write.values);
      },
      read: async () => new Map(),
      remove: async () => [],
    },
    hash,
  );
  await store.save({ entityId: DEVICE, scope: 'SERVER_SCOPE', values, ts: 1, onlyOnChange: false, ...more });
  return writes[0]?.values ?? {};
}

describe('claimingData at rest', () => {
  it.each<[string, JsonValue]>([
    ['an object', { secretKey: 'planted', expirationTime: 5 }],
    ['a text, as ThingsBoard stores it', '{"secretKey":"planted","expirationTime":5}'],
  ])('%s has its secret hashed, and is an offer', async (_what, claimingData) => {
    const values = await saved({ claimingData, other: 1 });
    expect(JSON.stringify(values)).not.toContain('planted');
    expect(values.other).toBe(1);
    expect(offerFrom(values.claimingData ?? null)).toEqual({
      secretHash: expect.stringMatching(/^[\w-]{20,}$/),
      expiresAt: 5,
    });
  });

  it('without a secret it is an offer with the empty one; written as it was read it stays as it is', async () => {
    const once = await saved({ claimingData: { expirationTime: 5 } });
    expect(offerFrom(once.claimingData ?? null)).toEqual(
      offerFrom((await saved({ claimingData: { secretKey: '', expirationTime: 5 } })).claimingData ?? null),
    );
    expect(await saved(once)).toEqual(once);
  });

  it.each<JsonValue>([5, null, [], 'text', '"{}"', '{"secretKey":', true])(
    '%j is stored as it is, and no offer',
    async (data) => {
      expect(await saved({ claimingData: data })).toEqual({ claimingData: data });
      expect(offerFrom(data)).toBeUndefined();
    },
  );

  it('a secret that is no text is left out', async () => {
    const values = await saved({ claimingData: { secretKey: { a: 'planted' }, expirationTime: 5 } });
    expect(values).toEqual({ claimingData: { expirationTime: 5 } });
    expect(offerFrom(values.claimingData ?? null)).toBeUndefined();
  });

  it('other scopes and other entities are left alone', async () => {
    const values = { claimingData: { secretKey: 's', expirationTime: 5 } };
    expect(await saved(values, { scope: 'CLIENT_SCOPE' })).toEqual(values);
    expect(await saved(values, { entityId: 'tenant' })).toEqual(values);
  });
});
