import { expect, it } from 'vitest';
import { runChainTests } from '../../src/rules/chain-test.ts';
import { tempFolder } from '../helpers/chain-kit.ts';

const chain = {
  name: 'main',
  root: true,
  first: 'of-what',
  nodes: {
    'of-what': { kind: 'filter/originator-type', config: { originatorTypes: ['ASSET'] }, to: { True: 'join' } },
    join: {
      kind: 'action/create-relation',
      config: { direction: 'FROM', relationType: 'Manages', entityType: 'CUSTOMER', entityNamePattern: '${owner}' },
      to: { Success: 'mark' },
    },
    mark: { kind: 'action/save-attributes', config: { scope: 'SERVER_SCOPE' } },
  },
};

it('a chain test gives entities, sends as one of them, and expects what is stored with it', async () => {
  const test = {
    cases: [
      {
        name: 'a building notes who owns it',
        given: {
          assets: [{ name: 'B1', type: 'Building' }],
          customers: ['ACME'],
          attributes: { 'ASSET B1': { SERVER_SCOPE: { floors: 3 } } },
        },
        when: [{ from: 'ASSET B1', attributes: { rooms: 12 }, metadata: { owner: 'ACME' } }],
        // biome-ignore lint/suspicious/noThenProperty: the format's own word
        then: {
          path: ['of-what', 'True', 'join', 'Success', 'mark'],
          attributes: { 'ASSET B1': { SERVER_SCOPE: { floors: 3, rooms: 12 } } },
        },
      },
    ],
  };
  await using folder = await tempFolder({ 'main.json': JSON.stringify(chain), 'main.test.json': JSON.stringify(test) });
  const report = await runChainTests(folder.path);
  expect(report.cases.flatMap(({ differences }) => differences)).toEqual([]);
  expect(report.ok).toBe(true);
});
