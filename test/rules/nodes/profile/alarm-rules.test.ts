import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { AlarmStates } from '../../../../src/rules/alarms/index.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { alarmBench, T0 } from '../../../helpers/alarm-bench.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { makeNode } from '../../../helpers/chain-node.ts';

const when = (source: string, path: string, value: number) => ({
  all: [{ fact: source, path, operator: 'greaterThan', value }],
});
const hot = when('telemetry', '$.t', 50);
const over = { all: [{ fact: 'telemetry', path: '$.t', operator: 'lessThan', value: 40 }] };
const meter = (...alarms: object[]) => ({ alarmRules: { meter: alarms } });

/** The node alone, over a device of the profile `meter`. */
function bench(given: object, config: object = {}) {
  const context = createTestContext({ now: T0, devices: [{ name: 'm1', profile: 'meter' }], ...given });
  const node = makeNode('profile/alarm-rules', config);
  const originator = context.originator('m1');
  const run = async (data: object, change: object = {}) =>
    node.run(testMsg({ originator, ts: T0, data: data as never, ...change }, context), context);
  return { context, node, run };
}

describe('profile/alarm-rules', () => {
  it('the message goes on by Success as it came; the alarm beside it, as ALARM', async () => {
    const { run } = bench(meter({ type: 'Hot', create: { MAJOR: { when: hot, times: 1 } } }));
    const result = await run({ t: 60 }, { id: 'm9', metadata: { deviceName: 'm1' } });
    expect(result).toMatchObject({
      relation: 'Success',
      msg: { id: 'm9', type: 'POST_TELEMETRY_REQUEST', data: { t: 60 } },
    });
    expect(result.also).toMatchObject([
      {
        relation: 'Alarm Created',
        msg: {
          id: 'm9+1',
          type: 'ALARM',
          data: { type: 'Hot', severity: 'MAJOR', status: 'ACTIVE_UNACK' },
          metadata: { deviceName: 'm1', isNewAlarm: 'true', alarmConditionRepeats: '1' },
        },
      },
    ]);
  });

  it('a message that says nothing of what rules read costs no promise', () => {
    const { context, node } = bench(meter({ type: 'Hot', create: { MAJOR: { when: hot } } }));
    const originator = context.originator('m1');
    for (const msg of [
      testMsg({ originator, data: { other: 99 } }),
      testMsg({ originator, data: [1, 2] }),
      testMsg({ originator, type: 'CONNECT_EVENT', data: { t: 99 } }),
      testMsg({ originator: context.originator('other'), data: { t: 99 } }),
      testMsg({ originator: { entityType: 'ASSET', id: 'x', name: 'x', profile: 'meter' }, data: { t: 99 } }),
    ]) {
      expect(node.run(msg, context)).toEqual({ relation: 'Success', msg });
    }
  });

  it('values that are stored count from the first message on, attributes of any scope', async () => {
    const both = { all: [...hot.all, ...when('attributes', '$.limit', 5).all, ...when('telemetry', '$.u', 5).all] };
    const { run } = bench({
      ...meter({ type: 'Hot', create: { MAJOR: { when: both } } }),
      attributes: { m1: { SHARED_SCOPE: { limit: 6 } } },
      telemetry: { m1: [{ ts: T0 - 1, values: { u: 7 } }] },
    });
    expect((await run({ t: 60 })).also).toHaveLength(1);
  });

  it('a value older than the one that is known is passed over', async () => {
    const { run } = bench(meter({ type: 'Hot', create: { MAJOR: { when: hot } } }));
    const at = (ts: number) => ({ metadata: { ts: String(ts) } });
    await run({ t: 10 }, at(T0));
    expect((await run({ t: 60 }, at(T0 - 1))).also).toBeUndefined();
    expect((await run({ t: 60 }, at(T0))).also).toHaveLength(1);
  });

  it('a secret is no value, and a deleted attribute is none any more', async () => {
    const gone = { not: { fact: 'attributes', path: '$.limit', operator: 'exists' } };
    const { run } = bench(
      meter({ type: 'Open', create: { MAJOR: { when: { all: [gone, ...when('attributes', '$.on', 0).all] } } } }),
    );
    const attributes = (data: object, type = 'POST_ATTRIBUTES_REQUEST') => run(data, { type });
    expect((await attributes({ limit: 5, on: 1 })).also).toBeUndefined();
    expect((await attributes({ attributes: ['limit'] }, 'ATTRIBUTES_DELETED')).also).toHaveLength(1);
    const secret = bench(
      meter({
        type: 'Key',
        create: { MAJOR: { when: { all: [{ fact: 'attributes', path: '$.key', operator: 'exists' }] } } },
      }),
    );
    expect((await secret.run({ key: new Secret('x') }, { type: 'POST_ATTRIBUTES_REQUEST' })).also).toBeUndefined();
  });

  it('an alarm that an operator cleared is raised anew, and its counts begin anew', async () => {
    const { context, run } = bench(
      meter({ type: 'Hot', create: { MAJOR: { when: hot, times: 2 } }, clear: { when: over } }),
    );
    await run({ t: 60 });
    const [created] = (await run({ t: 60 })).also ?? [];
    const alarm = created?.msg.data as { id: { id: string }; type: string };
    await context.clearAlarm(alarm.id.id as never, 'api');
    expect(await run(alarm, { type: 'ALARM_CLEAR' })).toMatchObject({ relation: 'Success' });
    expect((await run({ t: 60 })).also).toBeUndefined();
    expect((await run({ t: 60 })).also).toMatchObject([{ relation: 'Alarm Created' }]);
  });

  it('counts that are kept go on where another process left off', async () => {
    const given = meter({ type: 'Hot', create: { MAJOR: { when: hot, times: 3 } } });
    const [kept, lost] = [bench(given, { persistAlarmRulesState: true }), bench(given)];
    for (const { context, run } of [kept, lost]) {
      await run({ t: 60 });
      await run({ t: 60 });
      Object.assign(context, { alarmStates: new AlarmStates(10) });
    }
    expect((await kept.run({ t: 60 })).also).toHaveLength(1);
    expect((await lost.run({ t: 60 })).also).toBeUndefined();
  });

  it('the clear rule has a duration of its own, which data that speak against it end', async () => {
    const file = {
      name: 'meter',
      alarms: [{ type: 'Hot', create: { MAJOR: { when: hot } }, clear: { when: over, for: '60s' } }],
    };
    const one = await alarmBench(file);
    await one.telemetry({ t: 60 });
    expect(await one.telemetry({ t: 10 }, T0 + 1_000)).toBe('');
    expect(await one.telemetry({ t: 45 }, T0 + 30_000)).toBe('');
    expect(await one.telemetry({ t: 10 }, T0 + 40_000)).toBe('');
    expect(await one.wait(T0 + 100_000)).toBe('');
    expect(await one.wait(T0 + 100_001)).toBe('Alarm Cleared');
  });

  it('a duration that samples have passed is not told again by the clock, and none is told a moment early', async () => {
    const long = { type: 'Long', create: { MAJOR: { when: hot, for: '60s' } } };
    const passed = await alarmBench({ name: 'meter', alarms: [long] });
    await passed.telemetry({ t: 60 }, T0);
    expect(await passed.telemetry({ t: 60 }, T0 + 70_000)).toBe('Alarm Created');
    expect(await passed.wait(T0 + 600_000)).toBe('');
    const silent = { type: 'Silent', create: { MINOR: { noData: { telemetry: 't', for: '60s' } } } };
    const both = await alarmBench({ name: 'meter', alarms: [long, silent] });
    await both.telemetry({ t: 60 }, T0);
    await both.wait(T0 + 60_000);
    expect(both.context.namedAlarms().map(({ type }) => type)).toEqual(['Silent']);
  });

  it('what counts for the end of an alarm begins anew when the alarm is raised again', async () => {
    const alarms = [{ type: 'Hot', create: { MAJOR: { when: hot } }, clear: { when: over, times: 2 } }];
    const one = await alarmBench({ name: 'meter', alarms });
    const told = [];
    for (const t of [60, 10, 60, 10, 10]) told.push(await one.telemetry({ t }));
    expect(told).toEqual(['Alarm Created', '', 'Alarm Updated', '', 'Alarm Cleared']);
  });
});

describe('AlarmStates', () => {
  it('keeps as many devices as it may, and drops the one that was silent the longest', () => {
    const states = new AlarmStates(2);
    const context = createTestContext();
    const at = { chain: 'c', node: 'n' };
    const [a, b, c] = ['a', 'b', 'c'].map((name) => context.originator(name)) as [never, never, never];
    states.create(at, a);
    states.create(at, b);
    states.find(at, a);
    states.create(at, c);
    expect([a, b, c].map((one) => states.find(at, one) !== undefined)).toEqual([true, false, true]);
    expect(states.find({ chain: 'c', node: 'other' }, a)).toBeUndefined();
    for (const [index, one] of [a, b, c].entries()) states.setDue(at, one, 10 - index);
    expect(states.nextDue).toBe(8);
    expect(states.takeDue(9, 1).map(({ dueAt }) => dueAt)).toEqual([8]);
    states.setDue(at, b, undefined);
    expect([states.nextDue, states.takeDue(99, 9)]).toEqual([undefined, []]);
  });
});
