import { describe, expect, it } from 'vitest';
import { FormReader, readCalculatedFields } from '../../../src/rules/alarms/index.ts';
import { alarmBench, T0, thingsboardProfile } from '../../helpers/alarm-bench.ts';

const latest = (key: string, more: object = {}) => ({ refEntityKey: { key, type: 'TS_LATEST' }, ...more });
const attribute = (key: string, more: object = {}) => ({
  refEntityKey: { key, type: 'ATTRIBUTE', scope: 'SERVER_SCOPE' },
  ...more,
});
const above = (argument: string, value: object) => ({
  argument,
  valueType: 'NUMERIC',
  predicates: [{ type: 'NUMERIC', operation: 'GREATER', value }],
});
const simple = (filters: object[], operation = 'AND') => ({
  type: 'SIMPLE',
  expression: { type: 'SIMPLE', filters, operation },
});
const silent = (argument: string, duration: object) => ({
  argument,
  valueType: 'NUMERIC',
  predicates: [{ type: 'NO_DATA', unit: 'MINUTES', duration }],
});
const field = (args: object, condition: object, clear?: object, name = 'F') => ({
  type: 'ALARM',
  name,
  configuration: {
    type: 'ALARM',
    arguments: args,
    createRules: { MAJOR: { condition, alarmDetails: 'a is ${a}' } },
    ...(clear ? { clearRule: { condition: clear } } : {}),
  },
});
const profile = (...fields: object[]) => ({ entity: thingsboardProfile(), calculatedFields: fields });
const arg = { a: latest('t') };
const fixed = (value: unknown) => ({ staticValue: value });

describe('alarm rules as calculated fields', () => {
  it('filters are joined by OR when asked', async () => {
    const condition = simple([above('a', fixed(50)), above('b', fixed(5))], 'OR');
    const file = profile(field({ a: latest('t'), b: latest('u') }, condition));
    expect(await (await alarmBench(file)).telemetry({ u: 6 })).toBe('Alarm Created');
    expect(await (await alarmBench(file)).telemetry({ t: 10, u: 5 })).toBe('');
    const bench = await alarmBench(file);
    await bench.telemetry({ t: 51 });
    expect(bench.context.namedAlarms()).toMatchObject([{ type: 'F', details: { data: 'a is 51' } }]);
  });

  it('NO_DATA is true when nothing was heard for so long; data ends it', async () => {
    const file = profile(field(arg, simple([silent('a', fixed(5))]), simple([above('a', fixed(0))])));
    const bench = await alarmBench(file);
    expect(await bench.wait(T0 + 3_600_000)).toBe('');
    const heardAt = T0 + 3_600_000;
    expect(await bench.telemetry({ t: 1 }, heardAt)).toBe('');
    expect(await bench.wait(heardAt + 299_999)).toBe('');
    expect(await bench.wait(heardAt + 300_000)).toBe('Alarm Created');
    expect(await bench.wait(heardAt + 3_000_000)).toBe('');
    expect(await bench.telemetry({ t: 1 })).toBe('Alarm Cleared');
    expect(await bench.wait(bench.context.now() + 300_000)).toBe('Alarm Created');
  });

  it('a value is another argument: of the device, its owner or the tenant, or its default', async () => {
    const owner = { refDynamicSourceConfiguration: { type: 'CURRENT_OWNER' } };
    const tenant = { refEntityId: { entityType: 'TENANT', id: '13814000-1dd2-11b2-8080-808080808080' } };
    const condition = simple([above('a', { dynamicValueArgument: 'limit' })]);
    const raised = async (limit: object, attributes: object) => {
      const devices = [{ name: 'm1', profile: 'meter', customer: 'C' }];
      const bench = await alarmBench(profile(field({ ...arg, limit }, condition)), {
        devices,
        attributes: attributes as never,
      });
      return (await bench.telemetry({ t: 30 })) === 'Alarm Created';
    };
    const of = (limit: number) => ({ SERVER_SCOPE: { limit } });
    expect(await raised(attribute('limit'), { m1: of(20) })).toBe(true);
    expect(await raised(attribute('limit'), {})).toBe(false);
    expect(await raised(attribute('limit', { defaultValue: '29' }), {})).toBe(true);
    expect(await raised(attribute('limit', owner), { TENANT: of(40), 'CUSTOMER C': of(20) })).toBe(true);
    expect(await raised(attribute('limit', owner), { TENANT: of(40) })).toBe(false);
    expect(await raised(attribute('limit', tenant), { TENANT: of(20), 'CUSTOMER C': of(40) })).toBe(true);
  });

  it('durations, repetitions and schedules take their number from arguments, too', async () => {
    const limits = { ...arg, n: attribute('n'), plan: attribute('plan') };
    const filters = simple([above('a', fixed(50))]);
    const repeating = { ...filters, type: 'REPEATING', count: { dynamicValueArgument: 'n' } };
    const bench = await alarmBench(profile(field(limits, repeating)), {
      attributes: { m1: { SERVER_SCOPE: { n: 2 } } },
    });
    expect([await bench.telemetry({ t: 60 }), await bench.telemetry({ t: 60 })]).toEqual(['', 'Alarm Created']);
    const long = await alarmBench(
      profile(field(arg, { ...filters, type: 'DURATION', unit: 'HOURS', value: fixed(1) })),
    );
    await long.telemetry({ t: 60 });
    expect([await long.wait(T0 + 3_600_000), await long.wait(T0 + 3_600_001)]).toEqual(['', 'Alarm Created']);
    const plan = { type: 'SPECIFIC_TIME', timezone: 'Etc/UTC', daysOfWeek: [2], startsOn: 0, endsOn: 0 };
    const planned = profile(field(limits, { ...filters, schedule: { dynamicValueArgument: 'plan' } }));
    const tuesday = { attributes: { m1: { SERVER_SCOPE: { plan } } } };
    expect(await (await alarmBench(planned, tuesday)).telemetry({ t: 60 })).toBe('');
    expect(await (await alarmBench(planned, tuesday)).telemetry({ t: 60 }, T0 + 86_400_000)).toBe('Alarm Created');
    expect(await (await alarmBench(planned)).telemetry({ t: 60 })).toBe('Alarm Created');
  });

  it.each([
    [field(arg, simple([above('b', fixed(1))])), '/expression/filters/0/argument'],
    [field(arg, simple([above('a', {})])), '/filters/0/predicates/0/value'],
    [field(arg, simple([above('a', { staticValue: 1, dynamicValueArgument: 'a' })])), '/filters/0/predicates/0/value'],
    [field(arg, { type: 'SIMPLE', expression: { type: 'TBEL', expression: 'return true;' } }), '/expression/type'],
    [field(arg, { ...simple([silent('a', fixed(1))]), type: 'REPEATING', count: fixed(2) }), '/condition/type'],
    [
      field({ a: { refEntityKey: { key: 't', type: 'TS_ROLLING' } } }, simple([above('a', fixed(1))])),
      '/refEntityKey/type',
    ],
    [
      field({ a: latest('t', { refEntityId: { entityType: 'ASSET', id: 'x' } }) }, simple([above('a', fixed(1))])),
      '/refEntityId/entityType',
    ],
    [{ type: 'SIMPLE', name: 'x' }, '/type'],
  ])('what cannot be done is found with its place: %#', (one, place) => {
    const form = new FormReader([one]);
    readCalculatedFields(form);
    expect(form.issues.some(({ at }) => at.endsWith(place))).toBe(true);
  });
});
