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
    'create relation 0 -> 1, from a cache',
    'action/create-relation',
    0,
    { direction: 'FROM', entityCacheExpiration: 300 },
    { direction: 'TO' },
  ],
  ['create relation 0 -> 1', 'action/create-relation', 0, { direction: 'FROM' }, { direction: 'FROM' }],
  [
    'delete relation 0 -> 1, from a cache',
    'action/delete-relation',
    0,
    { direction: 'TO', entityCacheExpiration: 300 },
    { direction: 'FROM' },
  ],
  ['check relation 0 -> 1', 'filter/check-relation', 0, { direction: 'TO' }, { direction: 'FROM' }],
  ['originator attributes 0 -> 1', 'enrich/originator-attributes', 0, { fetchToData: true }, { fetchTo: 'DATA' }],
  ['originator attributes 0 -> 1, bare', 'enrich/originator-attributes', 0, {}, { fetchTo: 'METADATA' }],
  [
    'related device attributes 0 -> 1',
    'enrich/related-device-attributes',
    0,
    { fetchToData: false },
    { fetchTo: 'METADATA' },
  ],
  [
    'customer attributes 0 -> 1',
    'enrich/customer-attributes',
    0,
    { telemetry: true, attrMapping: { a: 'b' } },
    { dataToFetch: 'LATEST_TELEMETRY', dataMapping: { a: 'b' }, fetchTo: 'METADATA' },
  ],
  [
    'tenant attributes 0 -> 1',
    'enrich/tenant-attributes',
    0,
    { telemetry: false, attrMapping: {} },
    { dataToFetch: 'ATTRIBUTES', dataMapping: {}, fetchTo: 'METADATA' },
  ],
  [
    'related data 0 -> 1',
    'enrich/related-data',
    0,
    { telemetry: false, attrMapping: {} },
    { dataToFetch: 'ATTRIBUTES', dataMapping: {}, fetchTo: 'METADATA' },
  ],
  [
    'originator fields 0 -> 1',
    'enrich/originator-fields',
    0,
    { fieldsMapping: { name: 'n' } },
    { dataMapping: { name: 'n' }, fetchTo: 'METADATA' },
  ],
  ['copy keys 0 -> 2', 'transform/copy-keys', 0, { fromMetadata: true }, { copyFrom: 'METADATA' }],
  ['copy keys 1 -> 2', 'transform/copy-keys', 1, { fromMetadata: 'DATA' }, { copyFrom: 'DATA' }],
  [
    'rest api call 0 -> 4',
    'external/http',
    0,
    { trimDoubleQuotes: true, useRedisQueueForMsgPersistence: true, trimQueue: false, maxQueueSize: 1 },
    { parseToPlainText: true, maxInMemoryBufferSizeInKb: 256, requestBodyTemplate: null },
  ],
  [
    'originator telemetry 0 -> 2',
    'enrich/originator-telemetry',
    0,
    { fetchMode: 'ALL', orderBy: '', aggregation: null, limit: null },
    { fetchMode: 'ALL', orderBy: 'ASC', aggregation: 'NONE', limit: 1000 },
  ],
  ['checkpoint 0 -> 1', 'flow/checkpoint', 0, { queueName: 'Main' }, {}],
  ['deduplication 0 -> 1', 'transform/deduplication', 0, { interval: 5, queueName: 'Main' }, { interval: 5 }],
  [
    'assign to customer 0 -> 1',
    'action/assign-customer',
    0,
    { customerNamePattern: 'a', customerCacheExpiration: 300 },
    { customerNamePattern: 'a' },
  ],
  ['unassign from customer 0 -> 1', 'action/unassign-customer', 0, { customerCacheExpiration: 300 }, {}],
  ['calculate delta 0 -> 1', 'enrich/calculate-delta', 0, {}, { excludeZeroDeltas: false }],
  [
    'device profile 0 -> 1',
    'profile/alarm-rules',
    0,
    { persistAlarmRulesState: false, fetchAlarmRulesStateOnStart: true },
    { persistAlarmRulesState: false, fetchAlarmRulesStateOnStart: false },
  ],
  [
    'device profile 0 -> 1, kept',
    'profile/alarm-rules',
    0,
    { persistAlarmRulesState: true, fetchAlarmRulesStateOnStart: true },
    { persistAlarmRulesState: true, fetchAlarmRulesStateOnStart: true },
  ],
  ['mqtt 0 -> 2', 'external/mqtt', 0, {}, { parseToPlainText: false, protocolVersion: 'MQTT_3_1' }],
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

  it('is refused when there is no step', () => {
    expect(() => upgradeConfiguration({ type: 'x', version: 1 }, {}, 0)).toThrow('of version 0 cannot be upgraded');
  });

  it('takes the queue out of the configuration to the node', () => {
    const form = { type: 'x', version: 1, upgrades: [({ queueName: _, ...rest }: RawConfig) => rest] };
    expect(upgradeConfiguration(form, { queueName: 'Main', a: 1 }, 0)).toEqual({
      configuration: { a: 1 },
      queueName: 'Main',
    });
  });
});
