import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/rules/catalogue.ts';
import type { NodeKind, RawConfig } from '../../../src/rules/node-kind.ts';
import { compileSchema } from '../../../src/schema/validate.ts';

const kinds = new Map<string, NodeKind>(catalogue.map((kind: NodeKind) => [kind.kind, kind]));
const node = { name: 'n', chainName: () => undefined, chainId: () => undefined };

const relationsQuery = {
  direction: 'FROM',
  maxLevel: 1,
  fetchLastLevelOnly: false,
  filters: [{ relationType: 'Contains', entityTypes: [], negate: false }],
};
const attributes = {
  fetchTo: 'METADATA',
  clientAttributeNames: [],
  sharedAttributeNames: [],
  serverAttributeNames: ['tariff'],
  latestTsKeyNames: [],
  tellFailureIfAbsent: true,
  getLatestValueWithTs: false,
};
const mapped = { fetchTo: 'METADATA', dataMapping: { alarmThreshold: 'threshold' }, dataToFetch: 'ATTRIBUTES' };
const onEvery = { processingSettings: { type: 'ON_EVERY_MESSAGE' } };

/** What ThingsBoard writes for a new node (thingsboard-rule-chains 2), with the blanks filled in. */
const DEFAULTS: Readonly<Record<string, RawConfig>> = {
  'filter/msg-type': { messageTypes: ['POST_ATTRIBUTES_REQUEST', 'POST_TELEMETRY_REQUEST'] },
  'filter/check-relation': {
    direction: 'FROM',
    relationType: 'Contains',
    checkForSingleEntity: true,
    entityType: 'ASSET',
    entityId: '11111111-0000-4000-8000-00000000000a',
  },
  'filter/originator-type': { originatorTypes: ['DEVICE'] },
  'filter/originator-type-switch': { version: 0 },
  'filter/device-profile-switch': { version: 0 },
  'filter/asset-profile-switch': { version: 0 },
  'enrich/originator-attributes': attributes,
  'enrich/related-data': { ...mapped, relationsQuery },
  'enrich/originator-fields': {
    dataMapping: { name: 'originatorName', type: 'originatorType' },
    ignoreNullStrings: false,
    fetchTo: 'METADATA',
  },
  'enrich/customer-attributes': mapped,
  'enrich/tenant-attributes': mapped,
  'enrich/related-device-attributes': {
    ...attributes,
    deviceRelationsQuery: {
      direction: 'FROM',
      maxLevel: 1,
      relationType: 'Contains',
      deviceTypes: ['default'],
      fetchLastLevelOnly: false,
    },
  },
  'enrich/customer-details': { detailsList: ['ID', 'TITLE'], fetchTo: 'DATA' },
  'enrich/originator-telemetry': {
    latestTsKeyNames: ['energy'],
    aggregation: 'NONE',
    fetchMode: 'FIRST',
    orderBy: 'ASC',
    limit: 1000,
    startInterval: 2,
    startIntervalTimeUnit: 'MINUTES',
    endInterval: 1,
    endIntervalTimeUnit: 'MINUTES',
    useMetadataIntervalPatterns: false,
    startIntervalPattern: '',
    endIntervalPattern: '',
  },
  'enrich/calculate-delta': {
    inputValueKey: 'pulseCounter',
    outputValueKey: 'delta',
    useCache: true,
    addPeriodBetweenMsgs: false,
    periodValueKey: 'periodInMs',
    round: null,
    tellFailureIfDeltaIsNegative: true,
    excludeZeroDeltas: false,
  },
  'transform/change-originator': {
    originatorSource: 'CUSTOMER',
    relationsQuery,
    entityType: null,
    entityNamePattern: null,
  },
  'transform/copy-keys': { copyFrom: 'DATA', keys: ['temperature.*'] },
  'transform/json-path': { jsonPath: '$' },
  'transform/split-array': { version: 0 },
  'transform/deduplication': {
    interval: 60,
    strategy: 'FIRST',
    outMsgType: null,
    maxPendingMsgs: 100,
    maxRetries: 3,
  },
  'action/save-attributes': {
    ...onEvery,
    scope: 'SERVER_SCOPE',
    notifyDevice: false,
    sendAttributesUpdatedNotification: false,
    updateAttributesOnlyOnValueChange: true,
  },
  'action/save-telemetry': { ...onEvery, defaultTTL: 0, useServerTs: false },
  'action/delete-attributes': {
    scope: 'SERVER_SCOPE',
    keys: ['mark'],
    sendAttributesDeletedNotification: false,
    notifyDevice: false,
  },
  'action/create-relation': {
    direction: 'FROM',
    relationType: 'Contains',
    entityType: 'ASSET',
    entityNamePattern: 'G1',
    entityTypePattern: null,
    createEntityIfNotExists: false,
    removeCurrentRelations: false,
    changeOriginatorToRelatedEntity: false,
  },
  'action/delete-relation': {
    deleteForSingleEntity: false,
    direction: 'FROM',
    relationType: 'Contains',
    entityType: null,
    entityNamePattern: '',
  },
  'action/assign-customer': { customerNamePattern: 'ACME', createCustomerIfNotExists: false },
  'action/unassign-customer': { customerNamePattern: '' },
  'action/message-count': { interval: 1, telemetryPrefix: 'messageCount' },
  'action/math': {
    operation: 'CUSTOM',
    arguments: [{ name: 'x', type: 'MESSAGE_BODY', key: 'temperature', attributeScope: null, defaultValue: null }],
    customFunction: '(x - 32) / 1.8',
    result: {
      type: 'MESSAGE_BODY',
      key: 'temperatureCelsius',
      resultValuePrecision: 2,
      addToBody: false,
      addToMetadata: false,
      attributeScope: null,
    },
  },
  'action/push-to-cloud': { scope: 'SERVER_SCOPE' },
  'action/push-to-edge': { scope: 'SERVER_SCOPE' },
  'action/synchronization-begin': { version: 0 },
  'action/synchronization-end': { version: 0 },
};

describe("ThingsBoard's own configurations", () => {
  it.each(Object.entries(DEFAULTS))('%s is taken as it stands', (name, theirs) => {
    const kind = kinds.get(name);
    if (!kind?.thingsboard) throw new Error(`${name} has no form`);
    const { version: _, ...plain } = theirs;
    const ours = kind.thingsboard.read ? kind.thingsboard.read(theirs, node) : plain;
    const checked = compileSchema<unknown>(kind.schema)(structuredClone(ours));
    expect(checked).toMatchObject({ ok: true });
    if (!checked.ok) return;
    const problems = [...kind.lint(checked.value)].filter(({ level }) => level !== 'warning');
    expect(problems).toEqual([]);
    kind.create(checked.value, { chain: 'c', node: 'n' } as Parameters<NodeKind['create']>[1]);
  });

  it.each(Object.keys(DEFAULTS))('%s has as many upgrades as its version says', (name) => {
    const form = kinds.get(name)?.thingsboard;
    expect(form?.upgrades?.length ?? 0).toBe(form?.version);
  });

  it.each<[string, RawConfig, RawConfig]>([
    ['enrich/originator-attributes', { fetchToData: true }, { fetchTo: 'DATA' }],
    ['enrich/originator-attributes', {}, { fetchTo: 'METADATA' }],
    ['enrich/related-device-attributes', { fetchToData: 'false' }, { fetchTo: 'METADATA' }],
    [
      'enrich/customer-attributes',
      { telemetry: true, attrMapping: { a: 'b' } },
      { dataToFetch: 'LATEST_TELEMETRY', dataMapping: { a: 'b' }, fetchTo: 'METADATA' },
    ],
    [
      'enrich/tenant-attributes',
      { telemetry: 'false', attrMapping: {} },
      { dataToFetch: 'ATTRIBUTES', dataMapping: {}, fetchTo: 'METADATA' },
    ],
    ['enrich/originator-fields', { fieldsMapping: { name: 'n' } }, { dataMapping: { name: 'n' }, fetchTo: 'METADATA' }],
    [
      'enrich/originator-telemetry',
      { fetchMode: 'SOMETIMES', orderBy: null, aggregation: '', limit: null },
      { fetchMode: 'LAST', orderBy: 'ASC', aggregation: 'NONE', limit: 1000 },
    ],
    ['enrich/calculate-delta', {}, { excludeZeroDeltas: false }],
    ['action/assign-customer', { customerCacheExpiration: 300 }, {}],
    ['action/create-relation', { entityCacheExpiration: 1, direction: 'TO' }, { direction: 'FROM' }],
    ['action/delete-relation', { direction: 'TO' }, { direction: 'TO' }],
    ['transform/deduplication', { queueName: 'Main' }, {}],
    ['action/save-telemetry', { skipLatestPersistence: false }, { processingSettings: { type: 'ON_EVERY_MESSAGE' } }],
  ])('%s of version 0: %j becomes %j', (name, old, upgraded) => {
    const steps = kinds.get(name)?.thingsboard?.upgrades ?? [];
    expect(steps.reduce((config, step) => step(config), old)).toEqual(upgraded);
  });

  it.each([
    ['enrich/customer-attributes', { attrMapping: {} }],
    ['enrich/customer-attributes', { telemetry: true }],
    ['enrich/originator-fields', {}],
    ['filter/check-relation', {}],
    ['action/create-relation', { entityCacheExpiration: 1, direction: 'UP' }],
  ])('%s of version 0 without what it needs is refused: %j', (name, old: RawConfig) => {
    const [first] = kinds.get(name)?.thingsboard?.upgrades ?? [];
    expect(() => first?.(old)).toThrow(/missing|not FROM or TO/);
  });
});
