import { describe, expect, it } from 'vitest';
import { runChainTests } from '../../src/rules/chain-test.ts';
import { tempFolder } from '../helpers/chain-kit.ts';

const CHAIN = {
  name: 'main',
  root: true,
  first: 'rules',
  nodes: {
    rules: { kind: 'profile/alarm-rules', to: { Success: 'save', 'Alarm Created': 'tell' } },
    save: { kind: 'action/save-telemetry' },
    tell: { kind: 'action/log', config: { text: 'alarm $[type]' } },
  },
};
const hot = { all: [{ fact: 'telemetry', path: '$.t', operator: 'greaterThan', value: 50 }] };
const DEVICES = [{ name: 'm1', profile: 'meter' }];
const given = (...alarms: object[]) => ({ devices: DEVICES, alarmRules: { meter: alarms } });

/** A case, and what shall be true in the end. */
const caseOf = (one: object, end: object) => ({ name: 'a fact', ...one, ...Object.fromEntries([['then', end]]) });

async function report(...cases: object[]) {
  await using folder = await tempFolder({
    'main.json': JSON.stringify(CHAIN),
    'main.test.json': JSON.stringify({ cases }),
  });
  return await runChainTests(folder.path);
}
const differences = async (one: object, end: object) => {
  const { cases, issues } = await report(caseOf(one, end));
  return [...issues, ...cases.flatMap(({ differences }) => differences)];
};

describe('alarms in chain tests', () => {
  it('are given, raised and compared member by member that the test names', async () => {
    const world = {
      given: {
        ...given({ type: 'Hot', create: { MAJOR: { when: hot, details: '${t} degrees' } } }),
        alarms: [{ originator: 'ASSET hall', type: 'Old', severity: 'MINOR' }],
      },
      when: [{ from: 'm1', telemetry: { t: 60 } }],
    };
    const alarms = [
      { originator: 'ASSET hall', type: 'Old', severity: 'MINOR', status: 'ACTIVE_UNACK' },
      { originator: 'm1', type: 'Hot', details: { data: '60 degrees' } },
    ];
    const paths = [
      ['rules', 'Success', 'save'],
      ['rules', 'Alarm Created', 'tell'],
    ];
    expect(await differences(world, { alarms, path: paths })).toEqual([]);
    const [wrong] = await differences(world, { alarms: [alarms[0], { ...alarms[1], severity: 'MINOR' }] });
    expect(wrong).toContain('"severity":"MAJOR"');
    expect(await differences(world, { alarms: alarms.slice(0, 1) })).toHaveLength(1);
    expect(await differences(world, { telemetry: { m1: { t: 60 } }, nothingElse: true })).toHaveLength(1);
  });

  it('durations and silences pass as the test moves the clock', async () => {
    const rules = given(
      { type: 'Long', create: { MAJOR: { when: hot, for: '60s' } } },
      {
        type: 'Silent',
        create: { WARNING: { noData: { telemetry: 't', for: '5m' } } },
        clear: { when: { all: [{ fact: 'telemetry', path: '$.t', operator: 'exists' }] } },
      },
    );
    const when = [{ from: 'm1', telemetry: { t: 60 } }];
    const types = (...alarms: string[]) => ({
      alarms: alarms.map((text) => ({ originator: 'm1', type: text.split(' ')[0], status: text.split(' ')[1] })),
    });
    const later = (ms: number, ...more: object[]) => ({ given: rules, when: [...when, { advance: ms }, ...more] });
    expect(await differences(later(60_000), types())).toEqual([]);
    expect(await differences(later(60_001), types('Long ACTIVE_UNACK'))).toEqual([]);
    expect(await differences(later(300_000), types('Long ACTIVE_UNACK', 'Silent ACTIVE_UNACK'))).toEqual([]);
    const again = { from: 'm1', telemetry: { t: 10 } };
    expect(await differences(later(300_000, again), types('Long ACTIVE_UNACK', 'Silent CLEARED_UNACK'))).toEqual([]);
  });

  it('wrong rules are findings with their place', async () => {
    const { ok, issues } = await report(
      caseOf(
        {
          given: given({
            type: 'Hot',
            create: { MAJOR: { when: { all: [{ fact: 'telemetry', path: '$.t', operator: 'above', value: 1 }] } } },
          }),
          when: [{ from: 'm1', telemetry: { t: 60 } }],
        },
        { alarms: [] },
      ),
    );
    expect(ok).toBe(false);
    expect(issues).toEqual([
      expect.objectContaining({
        at: '/cases/0/given/alarmRules/meter/0/create/MAJOR/when/all/0/operator',
        rule: 'invalid-alarm-rule',
      }),
    ]);
  });
});
