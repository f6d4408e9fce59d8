import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const band = (/** @type {string} */ path, /** @type {number} */ low, /** @type {number} */ high) => ({
  all: [
    { fact: 'msg', path, operator: 'greaterThanInclusive', value: low },
    { fact: 'msg', path, operator: 'lessThanInclusive', value: high },
  ],
});

/** What meter readings go through on their way, over and over until a chain is as long as asked. */
const STEPS = [
  { node: { kind: 'filter/check-fields', config: { msg: ['power_w'] } }, label: 'True' },
  { node: { kind: 'filter/conditions', config: { conditions: band('$.power_w', 0, 10_000) } }, label: 'True' },
  { node: { kind: 'transform/set-keys', config: { msg: { site: 'Zaragoza' } } }, label: 'Success' },
  { node: { kind: 'transform/rename-keys', config: { msg: { site: 'place' } } }, label: 'Success' },
  { node: { kind: 'transform/delete-keys', config: { msg: ['place'] } }, label: 'Success' },
];

/**
 * A folder with a root chain: a switch by type of message, then so many nodes for telemetry, the last of which stores it.
 * @param {string} directory
 * @param {number} nodes
 */
export function writeChain(directory, nodes) {
  const folder = join(directory, 'chains');
  mkdirSync(folder, { recursive: true });
  const steps = Array.from({ length: nodes - 1 }, (_, i) => {
    const { node, label } = STEPS[i % STEPS.length] ?? {};
    return [`n${i}`, { ...node, to: { [String(label)]: `n${i + 1}` } }];
  });
  const chain = {
    name: 'bench',
    root: true,
    first: 'by-type',
    nodes: {
      'by-type': { kind: 'filter/msg-type-switch', to: { 'Post telemetry': 'n0' } },
      ...Object.fromEntries(steps),
      [`n${nodes - 1}`]: { kind: 'action/save-telemetry' },
    },
  };
  writeFileSync(join(folder, 'bench.json'), JSON.stringify(chain));
  return folder;
}
