import { describe, expect, it } from 'vitest';
import type { DeviceId } from '../../../src/model/ids.ts';
import { type JsonObject, parseJson } from '../../../src/model/json.ts';
import type { AttributeScope } from '../../../src/model/telemetry.ts';
import { benchFor, exact, type MakeStore, register } from './harness.ts';

export function attributeConformance(name: string, make: MakeStore): void {
  describe(`${name}: attributes`, () => {
    const bench = benchFor(make);
    const attributes = () => bench.storage.attributes;
    const save = (
      deviceId: DeviceId,
      values: JsonObject,
      ts = 1,
      more: { scope?: AttributeScope; onlyOnChange?: boolean } = {},
    ) => attributes().save({ entityId: deviceId, scope: 'CLIENT_SCOPE', values, ts, onlyOnChange: false, ...more });

    it('saved attributes are read back with their time and the exact text of their numbers', async () => {
      const id = await register(bench.storage);
      const parsed = parseJson('{"big":9007199254740993,"dot":42.0,"deep":{"a":[1,null]},"text":"0012"}', {
        maxDepth: 9,
      });
      expect(await save(id, parsed.ok ? (parsed.value as JsonObject) : {}, 7)).toEqual(['big', 'dot', 'deep', 'text']);
      expect(exact(await attributes().read(id, 'CLIENT_SCOPE'))).toEqual({
        big: '7 9007199254740993',
        dot: '7 42.0',
        deep: '7 {"a":[1,null]}',
        text: '7 "0012"',
      });
    });

    it('scopes do not see each other, nor do devices', async () => {
      const [one, two] = [await register(bench.storage), await register(bench.storage)];
      await save(one, { a: 1 }, 1, { scope: 'CLIENT_SCOPE' });
      await save(one, { a: 2 }, 1, { scope: 'SHARED_SCOPE' });
      await save(two, { a: 3 }, 1, { scope: 'SERVER_SCOPE' });
      expect(exact(await attributes().read(one, 'CLIENT_SCOPE'))).toEqual({ a: '1 1' });
      expect(exact(await attributes().read(one, 'SHARED_SCOPE'))).toEqual({ a: '1 2' });
      expect((await attributes().read(one, 'SERVER_SCOPE')).size).toBe(0);
      expect((await attributes().read(two, 'CLIENT_SCOPE')).size).toBe(0);
    });

    it('keys are listed as first written, also after a change, a reopen and for named keys', async () => {
      const id = await register(bench.storage);
      await save(id, { z: 1, m: 1 });
      await save(id, { a: 1 });
      await save(id, { z: 2 }, 2);
      await bench.reopen();
      expect([...(await attributes().read(id, 'CLIENT_SCOPE')).keys()]).toEqual(['z', 'm', 'a']);
      expect([...(await attributes().read(id, 'CLIENT_SCOPE', ['a', 'none', 'z', 'a'])).keys()]).toEqual(['z', 'a']);
    });

    it('onlyOnChange leaves value and time of an unchanged key alone, compared as exact text', async () => {
      const id = await register(bench.storage);
      const number = (text: string): JsonObject => {
        const result = parseJson(`{"n":${text},"same":[1]}`, { maxDepth: 9 });
        return result.ok ? (result.value as JsonObject) : {};
      };
      await save(id, number('42'), 1);
      expect(await save(id, number('42'), 2, { onlyOnChange: true })).toEqual([]);
      expect(await save(id, number('42.0'), 3, { onlyOnChange: true })).toEqual(['n']);
      expect(exact(await attributes().read(id, 'CLIENT_SCOPE'))).toEqual({ n: '3 42.0', same: '1 [1]' });
    });

    it('thousands of keys in one write keep their order, old and new ones mixed, and the changed ones are named', async () => {
      const id = await register(bench.storage);
      const names = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `k${from + i}`);
      const valuesOf = (keys: readonly string[], value: number) => Object.fromEntries(keys.map((key) => [key, value]));
      await save(id, valuesOf(names(1000, 1500), 1), 1);
      await save(id, { k0: 5 }, 1);
      const changes = { ...valuesOf(names(0, 2500), 1), k1200: 2 };
      const changed = await save(id, changes, 2, { onlyOnChange: true });
      expect(changed).toEqual([...names(0, 1000), 'k1200', ...names(1500, 2500)]);
      const read = await attributes().read(id, 'CLIENT_SCOPE');
      expect([...read.keys()]).toEqual([...names(1000, 1500), ...names(0, 1000), ...names(1500, 2500)]);
      expect(exact(await attributes().read(id, 'CLIENT_SCOPE', ['k0', 'k1100', 'k1200', 'k2499']))).toEqual({
        k1100: '1 1',
        k0: '2 1',
        k1200: '2 2',
        k2499: '2 1',
      });
    });

    it('remove gives the keys that existed; a key that comes again stands last', async () => {
      const id = await register(bench.storage);
      await save(id, { a: 1, b: 2, c: 3 });
      expect(await attributes().remove(id, 'CLIENT_SCOPE', ['a', 'none', 'c', 'a'])).toEqual(['a', 'c']);
      await save(id, { a: 4 });
      expect([...(await attributes().read(id, 'CLIENT_SCOPE')).keys()]).toEqual(['b', 'a']);
    });

    it('keys may be any text and of any length', async () => {
      const id = await register(bench.storage);
      const long = 'k'.repeat(5000);
      const values = parseJson(`{"__proto__":1,"constructor":2,"":3,"a\\u0000":4,"${long}":5,"${long}x":6}`, {
        maxDepth: 9,
      });
      await save(id, values.ok ? (values.value as JsonObject) : {});
      const read = await attributes().read(id, 'CLIENT_SCOPE');
      expect([...read].map(([key, { value }]) => [key, value])).toEqual([
        ['__proto__', 1],
        ['constructor', 2],
        ['', 3],
        ['a\0', 4],
        [long, 5],
        [`${long}x`, 6],
      ]);
      expect((await attributes().read(id, 'CLIENT_SCOPE', [`${long}x`])).get(`${long}x`)?.value).toBe(6);
      expect(await attributes().remove(id, 'CLIENT_SCOPE', [long])).toEqual([long]);
    });

    it('a write to an unknown device resolves with no keys', async () => {
      const unknown = '0193b5f2-0000-7000-8000-000000000000' as DeviceId;
      expect(await save(unknown, { a: 1 })).toEqual([]);
      expect(await attributes().remove(unknown, 'CLIENT_SCOPE', ['a'])).toEqual([]);
      expect((await attributes().read(unknown, 'CLIENT_SCOPE')).size).toBe(0);
    });

    it('writes of one turn are applied in call order', async () => {
      const id = await register(bench.storage);
      const all = Array.from({ length: 200 }, (_, i) => save(id, { a: i }, i));
      await Promise.all(all);
      expect(exact(await attributes().read(id, 'CLIENT_SCOPE'))).toEqual({ a: '199 199' });
    });
  });
}
