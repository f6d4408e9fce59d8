import { describe, expect, it } from 'vitest';
import { startBroker } from '../../helpers/broker.ts';
import { api, deviceId } from '../../helpers/system.ts';

const TREES = '/api/gridmoor/trees';

describe('asset trees', () => {
  it('asset 4: a device stands in many trees, once in each; trees go and it stays; nothing stands below itself', async () => {
    await using broker = await startBroker();
    const post = (path: string, body: unknown) => api(broker, path, { method: 'POST', body });
    const names = async (path: string) =>
      (await api<{ data: { name?: string }[] }>(broker, path)).data.map(({ name }) => name);
    for (const name of ['A', 'B']) await post(TREES, { name });
    await post('/api/gridmoor/devices', { name: 'meter', profile: 'smart-meter' });
    for (const name of ['north', 'street']) await post('/api/asset', { name, type: 'area' });

    await post(`${TREES}/A/nodes`, { entity: 'ASSET:area/north' });
    await post(`${TREES}/A/nodes`, { entity: 'ASSET:area/street', parent: 'ASSET:area/north' });
    await post(`${TREES}/A/nodes`, { entity: 'DEVICE:meter', parent: 'ASSET:area/street' });
    await post(`${TREES}/B/nodes`, { entity: 'DEVICE:meter' });
    await expect(post(`${TREES}/A/nodes`, { entity: 'DEVICE:meter' })).rejects.toThrow('409');
    expect(await names(`${TREES}/A/nodes/DEVICE:meter/path`)).toEqual(['north', 'street', 'meter']);

    const move = (entity: string, body: unknown) =>
      api(broker, `${TREES}/A/nodes/${encodeURIComponent(entity)}`, { method: 'PUT', body });
    await expect(move('ASSET:area/north', { parent: 'ASSET:area/street' })).rejects.toThrow('below itself');
    await move('ASSET:area/street', {});
    expect(await names(`${TREES}/A/nodes/DEVICE:meter/path`)).toEqual(['street', 'meter']);
    expect(await names(`${TREES}/A/nodes`)).toHaveLength(2);

    const assets = await api<{ data: { entity: string; name: string }[] }>(broker, `${TREES}/A/nodes`);
    const street = assets.data.find(({ name }) => name === 'street')?.entity.slice('ASSET:'.length);
    await api(broker, `/api/asset/${street}`, { method: 'DELETE' });
    expect(await names(`${TREES}/A/nodes`)).toEqual(expect.arrayContaining(['meter', 'north']));

    await api(broker, `${TREES}/A`, { method: 'DELETE' });
    expect(await names(`${TREES}/B/nodes`)).toEqual(['meter']);
    const id = await deviceId(broker, 'meter');
    const memberships = () => api<{ data: string[] }>(broker, `/api/gridmoor/tree-memberships/DEVICE:${id}`);
    expect((await memberships()).data).toEqual(['B']);

    await post('/api/gridmoor/devices/meter/replace', { name: 'meter-2' });
    expect(await names(`${TREES}/B/nodes`)).toEqual(['meter-2']);
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    expect(await names(`${TREES}/B/nodes`)).toEqual([]);
    await expect(post(`${TREES}/B/nodes`, { entity: 'DEVICE:meter-2' })).rejects.toThrow('404');
    await expect(post(`${TREES}/B/nodes`, { entity: 'GRID:x' })).rejects.toThrow('400');
  });
});
