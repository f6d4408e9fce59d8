import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { api } from '../../helpers/system.ts';
import { addDevice, ENOS, enosNames, enosProfile, openThing, startDialects } from './kit.ts';
import { attributes } from './messages.ts';

interface Attachments {
  readonly totalElements: number;
  readonly data: readonly { readonly id: string }[];
}

const CUPS = 'ES0021000012345678LB';

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile());

it('case 42: an attribute update attaches an EnOS device to supplier, supply point and grid, once; the secret is kept nowhere', async () => {
  await using dialects = await startDialects([enosProfile('rod')]);
  const { broker } = dialects;
  const { secretKey } = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
    method: 'POST',
    body: { name: 'Acme Energía' },
  });
  const { id, deviceSecret } = await addDevice(broker, 'rod', 'rod-42');
  await using client = await openThing(broker, enosNames({ deviceKey: 'rod-42', secret: deviceSecret }));
  expect(await client.connack()).toBe(0);
  const params = { attributes: { Power_supplier_secret_key: secretKey, CUPS } };
  const post = () =>
    client.publish(`/sys/${ENOS.productKey}/rod-42/thing/attribute/update`, JSON.stringify({ id: '1', params }));
  const attached = () => api<Attachments>(broker, '/api/gridmoor/attachments?device=rod-42');
  await post();
  const first = await attached();
  expect(first).toMatchObject({ totalElements: 1, data: [{ supplyPoint: CUPS, grid: { code: '0021' } }] });
  expect(JSON.stringify(first)).toContain('Acme Energía');
  await post();
  expect(await attached()).toEqual(first);
  expect(JSON.stringify(await attributes(broker, id, 'CLIENT'))).not.toContain(secretKey);
  await broker.restart();
  const kept = [...broker.stdout, ...broker.stderr].join('\n');
  expect(kept).not.toContain(secretKey);
  for (const path of filesBelow(broker.dataDir)) expect(readFileSync(path).includes(secretKey)).toBe(false);
});
