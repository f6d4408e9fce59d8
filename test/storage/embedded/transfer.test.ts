import { describe, expect, it } from 'vitest';
import { historyParts, type TextSample } from '../../../src/storage/history-parts.ts';
import { newDevice } from '../../conformance/storage/harness.ts';
import { makeEmbedded } from './make-store.ts';

const T0 = 1_700_000_000_000;

describe('records written into an embedded store', () => {
  it('a history that was brought counts as written before whatever comes later', async () => {
    const { storage, dispose } = await makeEmbedded();
    const { device, credentials } = newDevice();
    const { devices, history } = storage.transfer.sections;
    await devices.put([{ device, present: credentials }], 0);
    const samples = Array.from({ length: 1_000 }, (_, n): TextSample => [T0 + n, `{"v":${n}}`]);
    for await (const part of historyParts(device.id, samples)) await history.put([part], part.part);
    const all = { entityId: device.id, keys: ['v'], startTs: 0, endTs: T0 * 2 };
    expect((await storage.telemetry.range({ ...all, limit: 2_000, order: 'ASC' })).get('v')).toHaveLength(1_000);
    await storage.telemetry.remove({ ...all, latest: 'keep' });
    expect((await storage.telemetry.range({ ...all, limit: 2_000, order: 'ASC' })).size).toBe(0);
    await dispose();
  });
});

describe('parts of a history', () => {
  const partsOf = async (samples: readonly TextSample[]) => {
    const parts = [];
    for await (const { samples: some } of historyParts('id', samples)) parts.push(some);
    return parts;
  };

  it('of one time are one sample, in which the last value of a key counts and numbers keep their text', async () => {
    const samples = [
      [T0, '{"a":1.0,"b":1}'],
      [T0, '{"a":1.0,"b":1}'],
      [T0, '{"b":2.50,"c":3}'],
      [T0 + 1, '{"a": 9}'],
    ] as const;
    expect(await partsOf(samples)).toEqual([
      [
        [T0, '{"a":1.0,"b":2.50,"c":3}'],
        [T0 + 1, '{"a": 9}'],
      ],
    ]);
  });

  it('are bounded in number, length and the time between', async () => {
    const many = Array.from({ length: 130 }, (_, n): TextSample => [n, '{}']);
    expect((await partsOf(many)).map(({ length }) => length)).toEqual([64, 64, 2]);
    const long = JSON.stringify({ text: 'x'.repeat(40_000) });
    expect(
      await partsOf([
        [1, long],
        [2, long],
        [2 ** 40, '{}'],
      ]),
    ).toHaveLength(3);
    expect(await partsOf([])).toEqual([]);
  });
});
