import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runChainTests } from '../../src/rules/chain-test.ts';
import { redactMsg } from '../../src/rules/redact.ts';
import { wrapSecrets } from '../../src/rules/secrets.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { loadOrThrow, tempFolder, testMsg } from '../helpers/chain-kit.ts';

const KEY = 'invented key of Sol y Viento';
const CUPS = 'ES1234123456789012JY';
const given = { suppliers: [{ name: 'Sol y Viento', keys: [KEY] }] };

interface ChainFile {
  nodes: Record<string, { to?: Record<string, string> }>;
}

describe('the onboarding chain', () => {
  it.each([
    ['an accepted device', { Power_supplier_secret_key: KEY, CUPS }, given],
    ['an unknown key', { Power_supplier_secret_key: KEY, CUPS }, {}],
    ['a bad code', { Power_supplier_secret_key: KEY, CUPS: 'ES1234123456789012JX' }, given],
    ['a key without a code', { Power_supplier_secret_key: KEY, model: 'GW-1' }, given],
  ])('lets the secret of %s into nothing that is stored, sent, traced or logged', async (_, data, world) => {
    const generation = await loadOrThrow('rule-chains');
    const context = createTestContext(world);
    const steps: unknown[] = [];
    const msg = testMsg({ type: 'POST_ATTRIBUTES_REQUEST', data: wrapSecrets(data, generation.secretKeys) }, context);
    const result = await generation.run(msg, context, { trace: (step) => steps.push(step) });
    const { attributes, replies, logs } = context;
    const alarms = context.namedAlarms();
    const everything = JSON.stringify([
      result,
      steps,
      [...attributes].map(([, scopes]) => [...scopes]),
      replies,
      logs,
      alarms,
    ]);
    expect(everything).not.toContain(KEY);
    expect(JSON.stringify([steps, logs, redactMsg(msg, context)])).not.toContain('123456789012');
  });

  it('fails to the dead letters, secret redacted, when the store is away', async () => {
    const generation = await loadOrThrow('rule-chains');
    const context = {
      ...createTestContext(given),
      findSupplier: () => Promise.reject(new Error(`no answer for ${KEY}`)),
    };
    const data = wrapSecrets({ Power_supplier_secret_key: KEY, CUPS }, generation.secretKeys);
    const result = await generation.run(testMsg({ type: 'POST_ATTRIBUTES_REQUEST', data }), context);
    expect(result).toMatchObject({
      outcome: 'dead-lettered',
      letters: [{ chain: 'onboarding', node: 'supplier', reason: 'Error: no answer for [redacted]' }],
    });
    expect(JSON.stringify(result)).not.toContain(KEY);
  });

  it('has a test that fails for every edge that is taken away', async () => {
    const chainText = await readFile('rule-chains/onboarding.json', 'utf8');
    const testText = await readFile('rule-chains/onboarding.test.json', 'utf8');
    const table = JSON.parse(await readFile('rule-chains/lookups/distributors.json', 'utf8'));
    const survivors: string[] = [];
    for (const [name, node] of Object.entries((JSON.parse(chainText) as ChainFile).nodes)) {
      for (const label of Object.keys(node.to ?? {})) {
        const mutant = JSON.parse(chainText) as ChainFile & { nodes: Record<string, { config?: { table?: string } }> };
        delete mutant.nodes[name]?.to?.[label];
        if (mutant.nodes.grid?.config) mutant.nodes.grid.config.table = 'distributors.schema.json';
        await using folder = await tempFolder({
          'onboarding.json': JSON.stringify(mutant),
          'onboarding.test.json': testText,
          'distributors.schema.json': JSON.stringify(table),
        });
        const report = await runChainTests(folder.path);
        if (report.ok) survivors.push(`${name} ${label}`);
      }
    }
    // Moved cannot happen under the shipped policy `reject`; the edge is there for who changes it.
    expect(survivors).toEqual(['attach Moved']);
  });
});
