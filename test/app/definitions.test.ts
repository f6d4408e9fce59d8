import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DefinitionOptions, loadDefinitions } from '../../src/app/definitions.ts';
import { BrokerError } from '../../src/errors.ts';
import { createKeyedHash } from '../../src/model/keyed-hash.ts';
import { createLog } from '../../src/observe/index.ts';
import { createTestContext } from '../../src/rules/index.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const hash = createKeyedHash(Buffer.alloc(32, 7));

/** The settings of a store, in memory. */
function parts() {
  const stored = new Map<string, string>();
  const settings = {
    get: (key: string) => Promise.resolve(stored.get(key)),
    put(key: string, value: string) {
      stored.set(key, value);
      return Promise.resolve();
    },
    async remove(key: string) {
      stored.delete(key);
    },
    putIfAbsent(key: string, value: string) {
      const stands = stored.get(key) ?? value;
      stored.set(key, stands);
      return Promise.resolve(stands);
    },
  };
  return { settings, hash, log: createLog({ level: 'silent', destination: { write: () => {} } }), stored };
}

function options(profiles: Readonly<Record<string, unknown>>): DefinitionOptions {
  const profilesDir = mkdtempSync(join(tmpdir(), 'gm-definitions-'));
  for (const [name, profile] of Object.entries(profiles)) {
    writeFileSync(join(profilesDir, name), typeof profile === 'string' ? profile : JSON.stringify(profile));
  }
  const chainsDir = resolve(import.meta.dirname, '../../rule-chains');
  return { profilesDir, chainsDir, env: {}, allowedHosts: [], runLimits: { maxSteps: 100, deadlineMs: 1_000 } };
}

const meter = {
  name: 'meter',
  secretKeys: ['contract_pin'],
  provision: { strategy: 'allow-create-new-devices', key: 'meter', secret: { env: 'UNSET' } },
};

describe('definitions', () => {
  it('hide the keys that profiles call secret, besides those of the chains', async () => {
    const { generation } = await loadDefinitions(options({ 'meter.json': meter }), parts());
    expect([...generation.secretKeys]).toEqual(expect.arrayContaining(['contract_pin', 'Power_supplier_secret_key']));
    expect(generation.counters().length).toBeGreaterThan(0);
  });

  it('make a missing provision secret once, and keep no text of it', async () => {
    const files = options({ 'meter.json': meter });
    const store = parts();
    const first = await loadDefinitions(files, store);
    const second = await loadDefinitions(files, store);
    const [made] = first.made;
    if (!made) throw new Error('no secret was made');
    expect(made).toMatchObject({ profile: 'meter', provisionKey: 'meter', variable: 'UNSET' });
    expect(second.made).toEqual([]);
    expect(second.targets.match('meter', made.secret, 0)?.profile).toBe('meter');
    expect([...store.stored.values()].join()).not.toContain(made.secret.reveal());
  });

  it('name every finding of a bad profile and refuse the whole', async () => {
    const loading = loadDefinitions(options({ 'meter.json': meter, 'bad.json': '{"name":' }), parts());
    await expect(loading).rejects.toThrow(BrokerError);
    await expect(loading).rejects.toThrow(/bad\.json.*line 1/);
  });

  it('let messages of a profile start in its own chain, named or by the id of ThingsBoard', async () => {
    const id = { entityType: 'RULE_CHAIN', id: '11111111-0000-4000-8000-00000000000b' };
    const exported = {
      ruleChain: { name: 'Meters', id },
      metadata: {
        firstNodeIndex: 0,
        nodes: [{ type: 'org.thingsboard.rule.engine.filter.TbMsgTypeSwitchNode', name: 'by type' }],
      },
    };
    const main = { name: 'main', root: true, first: 'end', nodes: { end: { kind: 'flow/ack' } } };
    const files = options({
      'a.json': { name: 'a', ruleChain: 'Meters' },
      'b.json': { name: 'b', profileData: {}, transportType: 'DEFAULT', defaultRuleChainId: id },
      'c.json': { name: 'c' },
    });
    const chainsDir = mkdtempSync(join(tmpdir(), 'gm-definitions-'));
    writeFileSync(join(chainsDir, 'main.json'), JSON.stringify(main));
    writeFileSync(join(chainsDir, 'meters.json'), JSON.stringify(exported));
    const { generation } = await loadDefinitions({ ...files, chainsDir }, parts());
    const context = createTestContext();
    for (const profile of ['a', 'b', 'c']) {
      const originator = { ...context.originator('meter-1'), profile };
      await generation.run(testMsg({ originator }, context), context);
    }
    const visits = generation.counters().map((line) => [line.chain, line.in]);
    expect(visits).toEqual([
      ['main', 1],
      ['Meters', 2],
    ]);
  });

  it('take the root chain, and say so, when a profile names a chain that is not there', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'warn', destination: { write: (line: string) => void lines.push(line) } });
    const files = options({ 'meter.json': { ...meter, ruleChain: 'gone' } });
    const { profiles } = await loadDefinitions(files, { ...parts(), log });
    expect(profiles.byName('meter')?.ruleChain).toBeUndefined();
    expect(lines.join('')).toContain('there is no rule chain \\"gone\\": messages start in the root chain');
  });
});
