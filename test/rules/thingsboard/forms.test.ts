import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/rules/catalogue.ts';
import type { NodeKind, RawConfig } from '../../../src/rules/node-kind.ts';
import { upgradeConfiguration } from '../../../src/rules/thingsboard/upgrade.ts';

const kinds: readonly NodeKind[] = catalogue;

function formOf(kind: string) {
  const form = kinds.find((each) => each.kind === kind)?.thingsboard;
  if (!form) throw new Error(`${kind} has no form`);
  return form;
}

/** The configuration at the newest version. */
const upgraded = (kind: string, configuration: RawConfig, version = 0): RawConfig =>
  upgradeConfiguration(formOf(kind), configuration, version).configuration;

const EVERY = { type: 'ON_EVERY_MESSAGE' };

/** Row of thingsboard-rule-chains 1.6, kind, version, before, after. */
const rows: readonly [string, string, number, RawConfig, RawConfig][] = [
  [
    'delete keys 0 -> 2, text',
    'transform/delete-keys',
    0,
    { fromMetadata: 'true', keys: ['a'] },
    { deleteFrom: 'METADATA', keys: ['a'] },
  ],
  [
    'delete keys 0 -> 2, flag',
    'transform/delete-keys',
    0,
    { fromMetadata: false, keys: [] },
    { deleteFrom: 'DATA', keys: [] },
  ],
  [
    'delete keys 1 -> 2',
    'transform/delete-keys',
    1,
    { dataToFetch: 'METADATA', keys: [] },
    { deleteFrom: 'METADATA', keys: [] },
  ],
  [
    'delete keys 1 -> 2, as it should have been',
    'transform/delete-keys',
    1,
    { deleteFrom: 'DATA' },
    { deleteFrom: 'DATA' },
  ],
  ['rename keys 0 -> 2', 'transform/rename-keys', 0, { fromMetadata: 'false' }, { renameIn: 'DATA' }],
  ['rename keys 1 -> 2', 'transform/rename-keys', 1, { fromMetadata: 'METADATA' }, { renameIn: 'METADATA' }],
  [
    'save attributes 0 -> 3, bare',
    'action/save-attributes',
    0,
    { scope: 'CLIENT_SCOPE' },
    {
      scope: 'CLIENT_SCOPE',
      updateAttributesOnlyOnValueChange: false,
      notifyDevice: true,
      sendAttributesUpdatedNotification: false,
      processingSettings: EVERY,
    },
  ],
  [
    'save attributes 1 -> 3, texts',
    'action/save-attributes',
    1,
    { notifyDevice: 'false', sendAttributesUpdatedNotification: 'true', updateAttributesOnlyOnValueChange: 'true' },
    {
      notifyDevice: false,
      sendAttributesUpdatedNotification: true,
      updateAttributesOnlyOnValueChange: true,
      processingSettings: EVERY,
    },
  ],
  [
    'save attributes 2 -> 3',
    'action/save-attributes',
    2,
    { notifyDevice: false },
    { notifyDevice: false, processingSettings: EVERY },
  ],
  [
    'save time series 0 -> 1',
    'action/save-telemetry',
    0,
    { defaultTTL: 0 },
    { defaultTTL: 0, processingSettings: EVERY },
  ],
  [
    'save time series 0 -> 1, without latest',
    'action/save-telemetry',
    0,
    { skipLatestPersistence: true },
    {
      processingSettings: {
        type: 'ADVANCED',
        timeseries: EVERY,
        latest: { type: 'SKIP' },
        webSockets: EVERY,
        calculatedFields: EVERY,
      },
    },
  ],
  [
    'rule chain 0 -> 1',
    'flow/chain',
    0,
    { ruleChainId: 'x' },
    { ruleChainId: 'x', forwardMsgToDefaultRuleChain: false },
  ],
];

describe("upgrades of ThingsBoard's configurations", () => {
  it.each(rows)('%s', (_, kind, version, before, after) => {
    expect(upgraded(kind, before, version)).toEqual(after);
  });

  it.each([
    ['a property is missing', 'transform/delete-keys', 0, { keys: ['a'] }, /0 to 1: "fromMetadata" is missing/],
    [
      'a word is unknown',
      'transform/rename-keys',
      1,
      { fromMetadata: 'BOTH' },
      /1 to 2: "fromMetadata" is "BOTH", not DATA or METADATA/,
    ],
    [
      'a flag is none',
      'action/save-attributes',
      1,
      { notifyDevice: 'often' },
      /1 to 2: "notifyDevice" is "often", not true or false/,
    ],
    [
      'a flag is a number',
      'action/save-telemetry',
      0,
      { skipLatestPersistence: 1 },
      /0 to 1: "skipLatestPersistence" is 1/,
    ],
    ['it is newer than ours', 'action/save-attributes', 9, {}, /configurationVersion 9 is newer than 3/],
  ])('is refused when %s', (_, kind, version, before, problem) => {
    expect(() => upgraded(kind, before, version)).toThrow(problem);
  });

  it('has a step for each version of every kind', () => {
    const lacking = kinds.flatMap(({ kind, thingsboard: form }) =>
      form && (form.upgrades?.length ?? 0) !== form.version ? [`${kind} ${form.version}`] : [],
    );
    expect(lacking).toEqual([]);
  });

  it('takes the queue out of the configuration to the node', () => {
    const form = { type: 'x', version: 1, upgrades: [({ queueName: _, ...rest }: RawConfig) => rest] };
    expect(upgradeConfiguration(form, { queueName: 'Main', a: 1 }, 0)).toEqual({
      configuration: { a: 1 },
      queueName: 'Main',
    });
  });
});

const outOf = { name: 'n', chainName: () => undefined, chainId: () => undefined };

describe("configurations in ThingsBoard's words", () => {
  it.each<[string, RawConfig, RawConfig]>([
    [
      'filter/check-fields',
      { messageNames: ['a'], metadataNames: ['b'], checkAllKeys: false },
      { msg: ['a'], metadata: ['b'], all: false },
    ],
    ['transform/delete-keys', { deleteFrom: 'DATA', keys: ['Power_.*'] }, { msg: ['Power_.*'], regex: true }],
    ['transform/delete-keys', { deleteFrom: 'METADATA', keys: ['ss_a'] }, { metadata: ['ss_a'] }],
    ['transform/rename-keys', { renameIn: 'METADATA', renameKeysMapping: { a: 'b' } }, { metadata: { a: 'b' } }],
  ])('%s reads %j and writes it again', (kind, theirs, ours) => {
    const form = formOf(kind);
    expect(form.read?.(theirs, outOf)).toEqual(ours);
    expect(form.write?.(ours, outOf)).toEqual(theirs);
  });

  it('writes patterns of keys as regular expressions', () => {
    expect(formOf('transform/delete-keys').write?.({ msg: ['debug_*', '1.8.0'] }, outOf)).toEqual({
      deleteFrom: 'DATA',
      keys: ['debug_.*', '1\\.8\\.0'],
    });
  });

  it('refuses a node over body and metadata, of which ThingsBoard needs two', () => {
    const both = { msg: ['a'], metadata: ['b'] };
    expect(() => formOf('transform/delete-keys').write?.(both, outOf)).toThrow('make two of it');
  });

  it('gives a log line without a script one that says the same there, and the line back here', () => {
    const form = formOf('action/log');
    const line = { level: 'warn', text: 'refused: ${error} at $[grid.name]', data: false };
    const theirs = form.write?.({ ...line, scriptLang: 'JS' }, outOf) ?? {};
    expect(theirs.jsScript).toBe('return "refused: " + metadata["error"] + " at " + msg["grid"]["name"];');
    expect(form.read?.(theirs, outOf)).toEqual(line);
  });

  it('refuses attributes without a scope, which ThingsBoard cannot run either', () => {
    expect(() => formOf('action/save-attributes').read?.({ notifyDevice: true }, outOf)).toThrow('"scope" is missing');
  });
});
