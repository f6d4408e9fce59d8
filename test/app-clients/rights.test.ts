import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mayHave, rightsOf } from '../../src/app-clients/index.ts';
import type { AssetId } from '../../src/model/ids.ts';
import { ROLES } from '../../src/model/role.ts';

const supplierId = 'f47ac10b-58cc-4372-a567-0e02b2c3d479' as AssetId;

describe('rights of app clients', () => {
  it('without filters of its own a key reads all app topics and writes none', () => {
    for (const role of ['administrator', 'operator', 'read-only'] as const)
      expect(rightsOf({ role })).toEqual({ subscribe: ['app/#'], publish: [] });
  });

  it("a supplier's key reads the topics of its supplier, and nothing without one", () => {
    expect(rightsOf({ role: 'supplier', supplierId })).toEqual({
      subscribe: [`app/supplier/${supplierId}/#`],
      publish: [],
    });
    expect(rightsOf({ role: 'supplier' })).toEqual({ subscribe: [], publish: [] });
  });

  it('no filters leave a key of a supplier out of its own topics, nor any key out of app/', () => {
    const level = fc.constantFrom('app', 'supplier', supplierId, 'other', '+', '#', '$share', 'v1');
    const filter = fc.array(level, { minLength: 1, maxLength: 6 }).map((levels) => levels.join('/'));
    fc.assert(
      fc.property(
        fc.constantFrom(...ROLES),
        fc.array(filter),
        fc.array(filter),
        filter,
        (role, subscribe, publish, f) => {
          const own = role === 'supplier' ? { supplierId } : {};
          const rights = rightsOf({ role, ...own, topics: { subscribe, publish } });
          for (const side of ['subscribe', 'publish'] as const) {
            if (!mayHave(rights[side], f)) continue;
            expect(f.startsWith(role === 'supplier' ? `app/supplier/${supplierId}` : 'app')).toBe(true);
            expect(role === 'supplier' || role === 'read-only' ? side : 'either').not.toBe('publish');
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });
});
