import { expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { tempFolder } from '../helpers/chain-kit.ts';
import { api, newDevice } from '../helpers/system.ts';

const byBuilding = { direction: 'TO', entityType: 'ASSET', entityNamePattern: '$[building]' };
const chain = {
  name: 'main',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': {
      kind: 'filter/msg-type-switch',
      to: { 'Post telemetry': 'to-building', 'Post attributes': 'join', 'Entity Created': 'of-what' },
    },
    join: {
      kind: 'action/create-relation',
      config: {
        ...byBuilding,
        entityTypePattern: 'Building',
        createEntityIfNotExists: true,
        removeCurrentRelations: true,
        changeOriginatorToRelatedEntity: true,
      },
      to: { Success: 'mark' },
    },
    mark: { kind: 'action/save-attributes', config: { scope: 'SERVER_SCOPE' } },
    'to-building': {
      kind: 'transform/change-originator',
      config: { originatorSource: 'RELATED', relationsQuery: { direction: 'TO' } },
      to: { Success: 'save' },
    },
    save: { kind: 'action/save-telemetry' },
    'of-what': { kind: 'filter/originator-type', config: { originatorTypes: ['ASSET'] }, to: { True: 'greet' } },
    greet: {
      kind: 'action/math',
      config: {
        operation: 'ABS',
        arguments: [{ name: 'x', type: 'CONSTANT', key: '-7' }],
        result: { type: 'ATTRIBUTE', key: 'greeted', attributeScope: 'SERVER_SCOPE' },
      },
    },
  },
};

it('a meter joins a building that its message makes, moves to another, and its telemetry is the building’s', async () => {
  await using folder = await tempFolder({ 'main.json': JSON.stringify(chain) });
  await using broker = await startBroker({ chainsDir: folder.path });
  const token = await newDevice(broker, 'meter-1');
  const send = async (what: string, body: object): Promise<void> => {
    const answer = await fetch(`${broker.url}/api/v1/${token}/${what}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
  };
  const asset = async (name: string): Promise<string> =>
    (await api<{ id: { id: string } }>(broker, `/api/tenant/asset?assetName=${name}`)).id.id;
  const data = (id: string, what: string) =>
    api<Record<string, unknown>>(broker, `/api/plugins/telemetry/ASSET/${id}/values/${what}`);

  await send('attributes', { building: 'B1', floor: 2 });
  await send('telemetry', { power: 7 });
  const first = await asset('B1');
  expect(await data(first, 'timeseries')).toMatchObject({ power: [{ value: '7' }] });
  const attributes = (id: string) =>
    api<{ key: string; value: unknown }[]>(broker, `/api/plugins/telemetry/ASSET/${id}/values/attributes/SERVER_SCOPE`);
  await expect
    .poll(async () => Object.fromEntries((await attributes(first)).map(({ key, value }) => [key, value])))
    .toEqual({ building: 'B1', floor: 2, greeted: 7 });

  await send('attributes', { building: 'B2' });
  await send('telemetry', { power: 8 });
  const second = await asset('B2');
  expect(await data(second, 'timeseries')).toMatchObject({ power: [{ value: '8' }] });
  expect(await data(first, 'timeseries')).toMatchObject({ power: [{ value: '7' }] });

  await api(broker, `/api/asset/${second}`, { method: 'DELETE' });
  await expect(data(second, 'timeseries')).rejects.toThrow('404');
});
