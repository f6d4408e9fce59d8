import { describe, expect, it } from 'vitest';
import { FormReader, readThingsBoardAlarms } from '../../../src/rules/alarms/index.ts';
import { alarmBench, thingsboardProfile } from '../../helpers/alarm-bench.ts';

const filter = (predicate: object, type = 'TIME_SERIES', name = 'v') => ({ key: { type, key: name }, predicate });
const text = (operation: string, value: string, ignoreCase = false) => ({
  type: 'STRING',
  operation,
  ignoreCase,
  value: { defaultValue: value },
});
const number = (operation: string, value: number) => ({ type: 'NUMERIC', operation, value: { defaultValue: value } });
const bool = (operation: string, value: boolean) => ({ type: 'BOOLEAN', operation, value: { defaultValue: value } });
const alarm = (filters: object[], more: object = {}, rule: object = {}) => ({
  id: 'a',
  alarmType: 'A',
  createRules: { MAJOR: { condition: { condition: filters, spec: { type: 'SIMPLE' } }, ...rule } },
  ...more,
});

async function raises(predicate: object, value: unknown): Promise<boolean> {
  const bench = await alarmBench(thingsboardProfile(alarm([filter(predicate)])));
  return (await bench.telemetry({ v: value as never })) === 'Alarm Created';
}

describe('predicates of ThingsBoard', () => {
  it.each([
    [text('EQUAL', 'on'), ['on', 'On', 1], [true, false, false]],
    [text('EQUAL', 'on', true), ['ON'], [true]],
    [text('NOT_EQUAL', 'on'), ['off', 'on'], [true, false]],
    [text('STARTS_WITH', 'E-'), ['E-7', 'xE-'], [true, false]],
    [text('ENDS_WITH', '7'), ['E-7', 17, 'x'], [true, true, false]],
    [text('CONTAINS', 'rr'), ['error', ''], [true, false]],
    [text('NOT_CONTAINS', 'rr'), ['ok', 'error'], [true, false]],
    [text('IN', `a, 'b,c' ,"d"`), ['a', 'b,c', 'd', 'b', ''], [true, true, true, false, false]],
    [text('NOT_IN', 'a,b'), ['c', 'a'], [true, false]],
    [
      number('EQUAL', 1),
      [1, '1.0', true, '1e0', '', ' ', '0x1', null, [1]],
      [true, true, true, true, false, false, false, false, false],
    ],
    [number('NOT_EQUAL', 1), [2, 'x'], [true, false]],
    [number('GREATER_OR_EQUAL', 5), [5, 4.9], [true, false]],
    [number('LESS_OR_EQUAL', 5), [5, 5.1], [true, false]],
    [bool('EQUAL', true), [true, 'TRUE', 1, 'yes', 0], [true, true, true, false, false]],
    [bool('NOT_EQUAL', true), [false, true], [true, false]],
    [
      { type: 'COMPLEX', operation: 'OR', predicates: [number('LESS', 1), number('GREATER', 9)] },
      [0, 5, 10],
      [true, false, true],
    ],
    [
      { type: 'COMPLEX', operation: 'AND', predicates: [number('GREATER', 1), number('LESS', 9)] },
      [0, 5],
      [false, true],
    ],
  ])('%j', async (predicate, values, expected) => {
    const found = [];
    for (const value of values as unknown[]) found.push(await raises(predicate, value));
    expect(found).toEqual(expected);
  });

  it('filters are joined by AND, over telemetry, attributes, fields and constants', async () => {
    const bench = await alarmBench(
      thingsboardProfile(
        alarm([
          filter(number('GREATER', 1)),
          filter(text('EQUAL', 'hall'), 'ATTRIBUTE', 'place'),
          filter(text('EQUAL', 'meter'), 'ENTITY_FIELD', 'type'),
          { key: { type: 'CONSTANT', key: 'limit' }, valueType: 'NUMERIC', value: 10, predicate: number('GREATER', 9) },
        ]),
      ),
    );
    expect(await bench.telemetry({ v: 2 })).toBe('');
    // A rule on telemetry is not looked at for an attribute alone.
    expect(await bench.attributes({ place: 'hall' })).toBe('');
    expect(await bench.telemetry({ v: 2 })).toBe('Alarm Created');
  });

  it('a rule on attributes alone is looked at for attributes', async () => {
    const bench = await alarmBench(thingsboardProfile(alarm([filter(text('EQUAL', 'hall'), 'ATTRIBUTE', 'place')])));
    expect(await bench.telemetry({ place: 'hall' })).toBe('');
    expect(await bench.attributes({ place: 'hall' })).toBe('Alarm Created');
  });

  it('a constant beside a dynamic value that is not there is false, whatever the default', async () => {
    const value = { defaultValue: 1, dynamicValue: { sourceType: 'CURRENT_DEVICE', sourceAttribute: 'limit' } };
    const constant = {
      key: { type: 'CONSTANT', key: 'c' },
      value: 5,
      predicate: { type: 'NUMERIC', operation: 'GREATER', value },
    };
    const file = thingsboardProfile(alarm([filter(number('GREATER', 0)), constant]));
    expect(await (await alarmBench(file)).telemetry({ v: 2 })).toBe('');
    const given = { attributes: { m1: { SHARED_SCOPE: { limit: 4 } } } };
    expect(await (await alarmBench(file, given)).telemetry({ v: 2 })).toBe('Alarm Created');
  });

  it('details name the keys of the condition; what is unknown stays as it is written', async () => {
    const rule = { alarmDetails: '${v} and ${w}, $5', dashboardId: { entityType: 'DASHBOARD', id: 'd' } };
    const bench = await alarmBench(thingsboardProfile(alarm([filter(number('GREATER', 1))], {}, rule)));
    await bench.telemetry({ v: 42.5, w: 1 });
    expect(bench.context.namedAlarms()[0]?.details).toEqual({ data: '42.5 and ${w}, $5', dashboardId: 'd' });
  });

  it('the number of a duration or repetition may be an attribute', async () => {
    const dynamicValue = { sourceType: 'CURRENT_DEVICE', sourceAttribute: 'times', inherit: false };
    const spec = { type: 'REPEATING', predicate: { defaultValue: 5, dynamicValue } };
    const condition = { condition: [filter(number('GREATER', 1))], spec };
    const file = thingsboardProfile({ id: 'a', alarmType: 'A', createRules: { MAJOR: { condition } } });
    const bench = await alarmBench(file, { attributes: { m1: { SERVER_SCOPE: { times: 2 } } } });
    expect([await bench.telemetry({ v: 2 }), await bench.telemetry({ v: 2 })]).toEqual(['', 'Alarm Created']);
  });
});

describe('alarms of an export that cannot be read', () => {
  const ok = filter(number('GREATER', 1));
  it.each([
    ['text', ['']],
    [{}, ['']],
    [[7], ['/0', '/0/alarmType', '/0/createRules', '/0/createRules']],
    [[alarm([ok]), alarm([ok])], ['/1']],
    [[alarm([ok], { alarmType: '' })], ['/0/alarmType']],
    [[alarm([ok], { createRules: { FATAL: {} } })], ['/0/createRules/FATAL']],
    [[alarm([ok], { createRules: JSON.parse('{"__proto__":{}}') })], ['/0/createRules/__proto__']],
    [[alarm([])], ['/0/createRules/MAJOR/condition/condition']],
    [[alarm([filter(number('ABOVE', 1))])], ['/0/createRules/MAJOR/condition/condition/0/predicate/operation']],
    [[alarm([filter({ type: 'REGEX' })])], ['/0/createRules/MAJOR/condition/condition/0/predicate/type']],
    [
      [alarm([filter(number('GREATER', 'x' as never))])],
      ['/0/createRules/MAJOR/condition/condition/0/predicate/value/defaultValue'],
    ],
    [
      [alarm([filter(number('GREATER', 1), 'SERVER_ATTRIBUTE')])],
      ['/0/createRules/MAJOR/condition/condition/0/key/type'],
    ],
    [
      [alarm([filter(number('GREATER', 1), 'ENTITY_FIELD', 'createdTime')])],
      ['/0/createRules/MAJOR/condition/condition/0/key/key'],
    ],
    [[alarm([ok], { propagate: 'yes' })], ['/0/propagate']],
    [
      [alarm([ok], {}, { schedule: { type: 'SPECIFIC_TIME' } })],
      ['/0/createRules/MAJOR/schedule/timezone', '/0/createRules/MAJOR/schedule/daysOfWeek'],
    ],
  ])('%j', (alarms, places) => {
    const form = new FormReader(alarms);
    readThingsBoardAlarms(form);
    expect(form.issues.map(({ at }) => at)).toEqual(places);
  });

  it('null is none', () => {
    expect(readThingsBoardAlarms(new FormReader(null))).toEqual([]);
  });
});
