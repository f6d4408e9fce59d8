import { describe, expect, it } from 'vitest';
import { runChainTests } from '../../../src/rules/chain-test.ts';
import { createCoverage } from '../../../src/rules/tools/coverage.ts';
import { chainText, tempFolder } from '../../helpers/chain-kit.ts';

const CHAIN = chainText({
  band: {
    kind: 'filter/conditions',
    config: {
      conditions: {
        any: [
          { fact: 'msg', path: '$.voltage', operator: 'lessThan', value: 207 },
          { fact: 'msg', path: '$.voltage', operator: 'greaterThan', value: 253 },
        ],
      },
    },
    to: { True: 'warn', False: 'save' },
  },
  warn: { kind: 'action/log', config: { text: 'out of its band' }, to: { Success: 'save' } },
  save: { kind: 'action/save-telemetry' },
});

async function coverageOf(...voltages: number[]) {
  const coverage = createCoverage();
  const cases = voltages.map((voltage) => ({
    name: `${voltage} V`,
    when: [{ from: 'm', telemetry: { voltage } }],
    // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
    then: {},
  }));
  await using folder = await tempFolder({ 'main.json': CHAIN, 'main.test.json': JSON.stringify({ cases }) });
  const report = await runChainTests(folder.path, coverage);
  expect(report.ok).toBe(true);
  return coverage.report();
}

describe('coverage of chain tests', () => {
  it('names nodes, edges and ways of conditions that no case used', async () => {
    const { chains, percent } = await coverageOf(230);
    expect(chains).toEqual([
      {
        chain: 'main',
        nodes: { total: 3, covered: 2, missing: ['warn'] },
        edges: { total: 3, covered: 1, missing: ['band > True > warn', 'warn > Success > save'] },
        branches: {
          total: 4,
          covered: 2,
          missing: ['band: msg $.voltage lessThan 207 is true', 'band: msg $.voltage greaterThan 253 is true'],
        },
      },
    ]);
    expect(percent).toBe(50);
  });

  it('is 100 % when each was used', async () => {
    const { chains, percent } = await coverageOf(200, 230, 260);
    expect(
      chains.flatMap(({ nodes, edges, branches }) => [nodes, edges, branches].flatMap((share) => share.missing)),
    ).toEqual([]);
    expect(percent).toBe(100);
  });

  it('knows the edges by which messages come back from a called chain', async () => {
    const coverage = createCoverage();
    const called = {
      band: { kind: 'filter/check-fields', config: { msg: ['voltage'] }, to: { True: 'good', False: 'bad' } },
      good: { kind: 'flow/output', config: { label: 'Good' } },
      bad: { kind: 'flow/output', config: { label: 'Bad' } },
    };
    const root = {
      check: { kind: 'flow/chain', config: { chain: 'called' }, to: { Good: 'save', Bad: 'save' } },
      save: { kind: 'action/save-telemetry' },
    };
    // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
    const cases = [{ name: 'good', when: [{ from: 'm', telemetry: { voltage: 230 } }], then: {} }];
    await using folder = await tempFolder({
      'called.json': chainText(called, { name: 'called', root: false }),
      'main.json': chainText(root),
      'main.test.json': JSON.stringify({ cases }),
    });
    expect((await runChainTests(folder.path, coverage)).ok).toBe(true);
    const main = coverage.report().chains.find(({ chain }) => chain === 'main');
    expect(main?.edges).toEqual({ total: 2, covered: 1, missing: ['check > Bad > save'] });
  });
});
