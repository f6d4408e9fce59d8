import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../cli/run-cli.ts';
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
    // As they came: the order of siblings is that of their names.
    const mixed = [...rows.slice(0, 2), ...rows.slice(2).reverse()];
    expect((await post(from, '/api/gridmoor/import/trees/grid', { rows: mixed })).created).toBe(4);
    const all = await exported(from);
    expect(all.tree.rows).toEqual(rows);
    expect(all.devices.data).toHaveLength(2);
    expect(JSON.stringify(all)).not.toContain('planted');

    await using to = await startBroker();
    await post(to, DEVICES, { rows: all.devices.data });
    expect((await post(to, '/api/gridmoor/import/trees/grid', { rows: all.tree.rows })).created).toBe(4);
    expect(await exported(to)).toEqual(all);
    expect((await post(to, '/api/gridmoor/import/trees/grid', { rows: all.tree.rows })).created).toBe(0);
  });

  it('asset 2, 17: the same with CSV files from the command line', async () => {
    const cwd = await mkdtemp(join(tmpdir(), 'gridmoor-files-'));
    await using _ = { [Symbol.asyncDispose]: () => rm(cwd, { recursive: true, force: true }) };
    await using from = await startBroker();
    await using to = await startBroker();
    const cli = (broker: Broker, ...argv: string[]) =>
      runCli(argv, { cwd, env: { GRIDMOOR_URL: broker.url, GRIDMOOR_ADMIN_KEY: broker.adminKey } });
    const told = async (broker: Broker, ...argv: string[]) => JSON.parse((await cli(broker, ...argv, '--json')).stdout);

    await writeFile(join(cwd, 'tree.csv'), 'entity,parent\nASSET:area/north,\nASSET:area/street,ASSET:area/north\n');
    expect(await told(from, 'tree', 'import', 'grid', 'tree.csv')).toMatchObject({ created: 2, refused: [] });
    const rows = Array.from({ length: 200 }, (_, at) => `m${at},00${at},${at}.0,ASSET:area/street`);
    for (const at of [10, 100, 199]) rows[at] = rows[1] ?? '';
    const heading = 'name,server:site,shared-json:limit,tree:grid';
    await writeFile(join(cwd, 'devices.csv'), [heading, ...rows].join('\r\n'));
    const args = ['device', 'import', 'devices.csv', '--profile', 'smart-meter'];
    const dry = await told(from, ...args, '--dry-run');
    expect(dry).toMatchObject({ created: 197, changed: 0, known: 0 });
    expect((await api<{ totalElements: number }>(from, '/api/gridmoor/export/devices')).totalElements).toBe(0);
    const first = await told(from, ...args);
    expect(first).toEqual({ ...dry, dryRun: false });
    expect(first.refused.map(({ row, column }: { row: number; column: string }) => [row, column])).toEqual([
      [12, 'name'],
      [102, 'name'],
      [201, 'name'],
    ]);
    expect(await told(from, ...args)).toMatchObject({ created: 0, changed: 0, known: 197 });

    const columns = ['--attributes', 'server:site,shared-json:limit', '--trees'];
    for (const [broker, place] of [
      [from, 'from'],
      [to, 'to'],
    ] as const) {
      for (const form of ['csv', 'json']) {
        if (broker === to) {
          await cli(to, 'tree', 'import', 'grid', 'tree.csv');
          expect(await told(to, 'device', 'import', `from.${form}`)).toMatchObject({ refused: [] });
        }
        expect(await cli(broker, 'device', 'export', `${place}.${form}`, ...columns)).toMatchObject({ code: 0 });
        if (broker === to) {
          const texts = ['from', 'to'].map((name) => readFile(join(cwd, `${name}.${form}`), 'utf8'));
          const [out, again] = await Promise.all(texts);
          expect(again).toBe(out);
          expect(again).toContain(form === 'csv' ? 'm7,smart-meter,,,active,007,7.0,ASSET:area/street' : '"limit":7.0');
        }
      }
    }
  }, 120_000);
});
