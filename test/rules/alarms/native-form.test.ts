import { describe, expect, it } from 'vitest';
import { FormReader, readNativeAlarms } from '../../../src/rules/alarms/index.ts';
import { alarmBench, T0 } from '../../helpers/alarm-bench.ts';

const leaf = (fact: string, path: string, operator: string, value: unknown) => ({ fact, path, operator, value });
const hot = { all: [leaf('telemetry', '$.t', 'greaterThan', 50)] };
const profile = (...alarms: object[]) => ({ name: 'meter', alarms });
const rule = (one: object) => [{ type: 'A', create: { MAJOR: one } }];

describe('alarm rules in the native form', () => {
  it('look at telemetry, attributes, customer and tenant, by the paths of conditions', async () => {
    const when = {
      all: [
        leaf('telemetry', "$['phase.a'].volts", 'lessThan', { fact: 'tenant', path: '$.lowest' }),
        { any: [leaf('attributes', '$.site', 'equal', 'hall'), leaf('customer', '$.strict', 'equal', true)] },
      ],
    };
    const file = profile({ type: 'A', create: { MINOR: { when } } });
    const telemetry = { 'phase.a': { volts: 205 } };
    const tenant = { TENANT: { SERVER_SCOPE: { lowest: 207 } } };
    const devices = [{ name: 'm1', profile: 'meter', customer: 'C' }];
    const raised = async (attributes: object) =>
      (await alarmBench(file, { devices, attributes: attributes as never })).telemetry(telemetry);
    expect(await raised(tenant)).toBe('');
    expect(await raised({ ...tenant, m1: { SHARED_SCOPE: { site: 'hall' } } })).toBe('Alarm Created');
    expect(await raised({ ...tenant, 'CUSTOMER C': { SERVER_SCOPE: { strict: true } } })).toBe('Alarm Created');
    expect(await raised({ 'CUSTOMER C': { SERVER_SCOPE: { strict: true } } })).toBe('');
  });

  it('have times, durations and weekly hours', async () => {
    const schedule = { timezone: 'Europe/Madrid', days: ['Mon'], from: '08:00', to: '18:00' };
    const file = profile(
      { type: 'Twice', create: { MAJOR: { when: hot, times: 2 } } },
      { type: 'Long', create: { MAJOR: { when: hot, for: '90s' } } },
      { type: 'Hours', create: { MAJOR: { when: hot, schedule } } },
    );
    const bench = await alarmBench(file);
    const types = () => bench.context.namedAlarms().map(({ type }) => type);
    await bench.telemetry({ t: 60 }, T0 + 6 * 3_600_000);
    expect(types()).toEqual([]);
    await bench.telemetry({ t: 60 }, T0 + 6 * 3_600_000 + 1_000);
    expect(types()).toEqual(['Twice']);
    await bench.wait(T0 + 6 * 3_600_000 + 90_001);
    expect(types()).toEqual(['Twice', 'Long']);
    await bench.telemetry({ t: 60 }, T0 + 7 * 3_600_000);
    expect(types()).toEqual(['Twice', 'Long', 'Hours']);
  });

  it.each([
    [{}, ['']],
    [[{}], ['/0/type', '/0/create', '/0/create']],
    [rule({}), ['/0/create/MAJOR']],
    [rule({ when: hot, noData: { telemetry: 't', for: '5m' } }), ['/0/create/MAJOR']],
    [rule({ when: { all: [] } }), ['/0/create/MAJOR/when/all']],
    [rule({ when: { all: [leaf('msg', '$.t', 'equal', 1)] } }), ['/0/create/MAJOR/when/all/0/fact']],
    [rule({ when: { all: [leaf('telemetry', '$', 'equal', 1)] } }), ['/0/create/MAJOR/when/all/0/path']],
    [rule({ when: { all: [leaf('telemetry', '$..[?(@.x)]', 'equal', 1)] } }), ['/0/create/MAJOR/when/all/0/path']],
    [rule({ when: { all: [leaf('telemetry', '$.t', 'above', 1)] } }), ['/0/create/MAJOR/when/all/0/operator']],
    [rule({ when: hot, for: '5 minutes' }), ['/0/create/MAJOR/for']],
    [rule({ when: hot, for: '5m', times: 2 }), ['/0/create/MAJOR/times']],
    [rule({ when: hot, times: 0 }), ['/0/create/MAJOR/times']],
    [rule({ noData: { telemetry: 't', for: '5m' }, for: '5m' }), ['/0/create/MAJOR']],
    [rule({ noData: { telemetry: 't' } }), ['/0/create/MAJOR/noData/for']],
    [
      rule({ when: hot, schedule: { timezone: 'Mars', from: '25:00' } }),
      ['/0/create/MAJOR/schedule/from', '/0/create/MAJOR/schedule/timezone'],
    ],
    [rule({ when: hot, schedule: { timezone: 'Etc/UTC', days: ['Sunday'] } }), ['/0/create/MAJOR/schedule/days/0']],
    [rule({ when: hot, unless: hot }), ['/0/create/MAJOR/unless']],
    [[...rule({ when: hot }), ...rule({ when: hot })], ['/1']],
  ])('what is wrong is found with its place: %j', (alarms, places) => {
    const form = new FormReader(alarms);
    readNativeAlarms(form);
    expect([...new Set(form.issues.map(({ at }) => at))]).toEqual([...new Set(places)]);
  });

  it('a condition of any depth ends', () => {
    let when: object = hot;
    for (let depth = 0; depth < 5_000; depth++) when = { all: [when] };
    const form = new FormReader(rule({ when }));
    readNativeAlarms(form);
    expect(form.issues.length).toBeGreaterThan(0);
  });
});
