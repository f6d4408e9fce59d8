import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { api } from '../../helpers/system.ts';

interface Result {
  readonly created: number;
  readonly refused: readonly { readonly row: number; readonly code: string }[];
}
const post = (broker: Broker, path: string, body: unknown) => api<Result>(broker, path, { method: 'POST', body });
const DEVICES = '/api/gridmoor/import/devices';

describe('import and export', () => {
  it('asset 2: of a thousand rows with three duplicates 997 are made, three told by row; a rerun makes none', async () => {
    await using broker = await startBroker();
    const rows = Array.from({ length: 1_000 }, (_, at) => ({ name: `m${at}`, profile: 'smart-meter' }));
    for (const at of [10, 500, 999]) rows[at] = { name: 'm1', profile: 'smart-meter' };
    const first = await post(broker, DEVICES, { rows });
    expect(first.created).toBe(997);
    expect(first.refused.map(({ row, code }) => `${row} ${code}`)).toEqual([
      '11 NAME_TAKEN',
      '501 NAME_TAKEN',
      '1000 NAME_TAKEN',
    ]);
    expect((await post(broker, DEVICES, { rows })).created).toBe(0);
    await expect(post(broker, DEVICES, { rows: [...rows, rows[0]] })).rejects.toThrow('400');
    const strange = [
      { name: 'x', profile: 'nobody' },
      { name: '', profile: 'smart-meter' },
    ];
    expect((await post(broker, DEVICES, { rows: strange })).refused.map(({ code }) => code)).toEqual([
      'PROFILE_NOT_FOUND',
      'BAD_REQUEST',
    ]);
  });

  it('asset 17: what was exported makes the same devices and trees elsewhere, without any secret', async () => {
    const exported = async (broker: Broker) => ({
      devices: await api<{ data: unknown[] }>(broker, '/api/gridmoor/export/devices'),
      tree: await api<{ rows: unknown[] }>(broker, '/api/gridmoor/export/trees/grid'),
    });
    await using from = await startBroker();
    const credentials = { type: 'ACCESS_TOKEN', token: 'planted-token-of-the-export' };
    await post(from, '/api/gridmoor/devices', { name: 'm1', profile: 'smart-meter', label: 'cellar', credentials });
    await post(from, '/api/gridmoor/devices', { name: 'm2', profile: 'smart-meter' });
    await post(from, '/api/gridmoor/devices/m2/disable', undefined);
    const rows = [
      { entity: 'ASSET:area/north' },
      { entity: 'ASSET:area/street', parent: 'ASSET:area/north' },
      { entity: 'DEVICE:m1', parent: 'ASSET:area/street' },
      { entity: 'DEVICE:m2', parent: 'ASSET:area/street' },
    ];
    expect((await post(from, '/api/gridmoor/import/trees/grid', { rows })).created).toBe(4);
    const all = await exported(from);
    expect(all.devices.data).toHaveLength(2);
    expect(JSON.stringify(all)).not.toContain('planted');

    await using to = await startBroker();
    await post(to, DEVICES, { rows: all.devices.data });
    expect((await post(to, '/api/gridmoor/import/trees/grid', { rows: all.tree.rows })).created).toBe(4);
    expect(await exported(to)).toEqual(all);
    expect((await post(to, '/api/gridmoor/import/trees/grid', { rows: all.tree.rows })).created).toBe(0);
  });
});
