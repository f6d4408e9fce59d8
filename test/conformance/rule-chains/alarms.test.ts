import { describe, expect, it } from 'vitest';
import { loadProfiles } from '../../../src/profiles/index.ts';
import { createTestContext } from '../../../src/rules/test-context.ts';
import { alarmBench, profileOf, T0, thingsboardProfile } from '../../helpers/alarm-bench.ts';
import { tempFolder, testMsg } from '../../helpers/chain-kit.ts';
import { makeNode } from '../../helpers/chain-node.ts';

const key = (type: string, name: string) => ({ type, key: name });
const numeric = (operation: string, value: object | number) => ({
  type: 'NUMERIC',
  operation,
  value: typeof value === 'number' ? { defaultValue: value, dynamicValue: null } : value,
});
const filter = (name: string, predicate: object, type = 'TIME_SERIES') => ({
  key: key(type, name),
  valueType: 'NUMERIC',
  predicate,
});
const rule = (filters: object | object[], spec: object = { type: 'SIMPLE' }, more: object = {}) => ({
  condition: { condition: [filters].flat(), spec },
  schedule: null,
  alarmDetails: null,
  ...more,
});
const above = (limit: number) => filter('t', numeric('GREATER', limit));
const profile = (createRules: object, clearRule: object | null = null, more: object = {}) =>
  thingsboardProfile({ id: 'a1', alarmType: 'High', createRules, clearRule, propagate: false, ...more });

describe('alarm nodes', () => {
  it('case 54: created, updated, cleared; a second clear leaves by False with the message as it came', async () => {
    const context = createTestContext();
    const raise = makeNode('action/create-alarm', { alarmType: 'High', severity: 'MAJOR' });
    const clear = makeNode('action/clear-alarm', { alarmType: 'High' });
    const msg = testMsg({ data: { t: 91 } }, context);
    const [first, second] = [await raise.run(msg, context), await raise.run(msg, context)];
    expect([first?.relation, first?.msg.metadata.isNewAlarm]).toEqual(['Created', 'true']);
    expect([second?.relation, second?.msg.metadata.isExistingAlarm]).toEqual(['Updated', 'true']);
    expect(context.namedAlarms()).toEqual([
      { originator: 'meter-1', type: 'High', severity: 'MAJOR', status: 'ACTIVE_UNACK', details: {} },
    ]);
    const cleared = await clear.run(msg, context);
    expect([cleared.relation, cleared.msg.type, cleared.msg.metadata.isClearedAlarm]).toEqual([
      'Cleared',
      'ALARM',
      'true',
    ]);
    const again = await clear.run(msg, context);
    expect([again.relation, again.msg]).toEqual(['False', msg]);
  });
});

describe('profiles', () => {
  it('case 56: a blank attribute topic is the default topic', async () => {
    const file = {
      ...thingsboardProfile(),
      transportType: 'MQTT',
      profileData: {
        transportConfiguration: { type: 'MQTT', deviceTelemetryTopic: 'data', deviceAttributesTopic: ' ' },
      },
    };
    const { topics } = await profileOf(file);
    expect([topics.telemetry === undefined, topics.attributes]).toEqual([false, undefined]);
  });

  it('case 57: a rule chain that is not known here is warned of, and the root chain is used', async () => {
    const id = { entityType: 'RULE_CHAIN', id: '8d2f0ac0-0000-11ee-8000-000000000000' };
    await using folder = await tempFolder({
      'meter.json': JSON.stringify({ ...thingsboardProfile(), defaultRuleChainId: id }),
    });
    const loaded = await loadProfiles(folder.path, { env: {}, chainName: () => undefined });
    expect(loaded.ok && loaded.profiles.all()[0]?.ruleChain).toBeUndefined();
    expect(loaded.ok && loaded.warnings).toEqual([
      expect.objectContaining({ at: '/defaultRuleChainId', problem: expect.stringContaining('root chain') }),
    ]);
  });
});

describe('alarm rules', () => {
  it('case 58: a number is compared with a text that is one; another text and a missing value are false', async () => {
    const bench = await alarmBench(profile({ MAJOR: rule(above(50)) }));
    expect(await bench.telemetry({ t: 'abc' })).toBe('');
    expect(await bench.telemetry({ other: 99 })).toBe('');
    expect(await bench.telemetry({ t: '60' })).toBe('Alarm Created');
  });

  it('case 59: a lower severity leaves the alarm as it is; the clear rule ends it', async () => {
    const bench = await alarmBench(
      profile({ MAJOR: rule(above(50)), CRITICAL: rule(above(90)) }, rule(filter('t', numeric('LESS', 40)))),
    );
    expect(await bench.telemetry({ t: 60 })).toBe('Alarm Created');
    expect(bench.alarms()).toEqual(['MAJOR ACTIVE_UNACK']);
    expect(await bench.telemetry({ t: 95 })).toBe('Alarm Severity Updated');
    expect(await bench.telemetry({ t: 60 })).toBe('');
    expect(bench.alarms()).toEqual(['CRITICAL ACTIVE_UNACK']);
    expect(await bench.telemetry({ t: 96 })).toBe('Alarm Updated');
    expect(await bench.telemetry({ t: 45 })).toBe('');
    expect(await bench.telemetry({ t: 30 })).toBe('Alarm Cleared');
    expect(bench.alarms()).toEqual(['CRITICAL CLEARED_UNACK']);
  });

  it('case 60: three in a row are asked for; a false one begins the count anew', async () => {
    const spec = { type: 'REPEATING', predicate: { defaultValue: 3, userValue: null, dynamicValue: null } };
    const bench = await alarmBench(profile({ MAJOR: rule(above(50), spec) }));
    const sent = [];
    for (const t of [60, 60, 10, 60]) sent.push(await bench.telemetry({ t }));
    expect(sent).toEqual(['', '', '', '']);
    expect(await bench.telemetry({ t: 60 })).toBe('');
    expect(await bench.telemetry({ t: 60 })).toBe('Alarm Created');
    expect(await bench.telemetry({ t: 60 })).toBe('Alarm Updated');
  });

  it('case 61: a duration must be passed, by a sample or by the clock alone', async () => {
    const spec = { type: 'DURATION', unit: 'SECONDS', predicate: { defaultValue: 60 } };
    const bench = await alarmBench(profile({ MAJOR: rule(above(50), spec) }));
    expect(await bench.telemetry({ t: 60 }, T0)).toBe('');
    expect(await bench.telemetry({ t: 60 }, T0 + 60_000)).toBe('');
    expect(await bench.telemetry({ t: 60 }, T0 + 60_001)).toBe('Alarm Created');
    const silent = await alarmBench(profile({ MAJOR: rule(above(50), spec) }));
    expect(await silent.telemetry({ t: 60 }, T0)).toBe('');
    expect(await silent.wait(T0 + 60_000)).toBe('');
    expect(await silent.wait(T0 + 60_001)).toBe('Alarm Created');
    expect(await silent.wait(T0 + 600_000)).toBe('');
  });

  it('case 62: a dynamic value is looked for on the device, its customer and the tenant; else it is the default', async () => {
    const dynamicValue = { sourceType: 'CURRENT_DEVICE', sourceAttribute: 'limit', inherit: true };
    const file = profile({
      MAJOR: rule(filter('t', numeric('GREATER', { defaultValue: 10, userValue: 1, dynamicValue }))),
    });
    const limit = (value: number) => ({ SERVER_SCOPE: { limit: value } });
    const customers = { devices: [{ name: 'm1', profile: 'meter', customer: 'C' }] };
    const raised = async (given: object, t: number) => (await alarmBench(file, given)).telemetry({ t });
    expect(await raised({ attributes: { TENANT: limit(50) } }, 40)).toBe('');
    expect(await raised({ attributes: { TENANT: limit(50) } }, 51)).toBe('Alarm Created');
    expect(await raised({ ...customers, attributes: { TENANT: limit(50), 'CUSTOMER C': limit(20) } }, 40)).toBe(
      'Alarm Created',
    );
    expect(await raised({ attributes: { TENANT: limit(5), m1: limit(70) } }, 60)).toBe('');
    expect(await raised({}, 11)).toBe('Alarm Created');
    expect(await raised({}, 9)).toBe('');
  });

  it('case 63: over midnight the next day must be named itself', async () => {
    const schedule = {
      type: 'SPECIFIC_TIME',
      timezone: 'Europe/Madrid',
      daysOfWeek: [1],
      startsOn: 22 * 3_600_000,
      endsOn: 6 * 3_600_000,
    };
    const file = profile({ MAJOR: rule(above(50), { type: 'SIMPLE' }, { schedule }) });
    // Madrid is an hour ahead.
    const at = async (ts: number) => (await alarmBench(file)).telemetry({ t: 60 }, ts);
    expect(await at(T0 + 22 * 3_600_000)).toBe('Alarm Created');
    expect(await at(T0 + 24 * 3_600_000)).toBe('');
    expect(await at(T0 + 20.5 * 3_600_000)).toBe('');
    expect(await at(T0 + 3 * 3_600_000)).toBe('Alarm Created');
  });
});
