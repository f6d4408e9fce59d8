import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../src/model/secret.ts';
import { catalogue } from '../../../../src/rules/catalogue.ts';
import { createTestContext } from '../../../../src/rules/test-context.ts';
import { testMsg } from '../../../helpers/chain-kit.ts';
import { lintNode, makeNode } from '../../../helpers/chain-node.ts';

const details = (context: ReturnType<typeof createTestContext>) => context.namedAlarms()[0]?.details;
const raise = async (config: object, change: object = {}, context = createTestContext()) => {
  const result = await makeNode('action/create-alarm', config).run(testMsg(change, context), context);
  return { context, result };
};

/** What ThingsBoard puts into a new node, in its own words of code. */
const STOCK = {
  JS: 'var details = {};\nif (metadata.prevAlarmDetails) {\n    details = JSON.parse(metadata.prevAlarmDetails);\n    delete metadata.prevAlarmDetails;\n}\n\nreturn details;',
  TBEL: "var details = {};\nif (metadata.prevAlarmDetails != null) {\n    details = JSON.parse(metadata.prevAlarmDetails);\n    metadata.remove('prevAlarmDetails');\n}\n\nreturn details;",
};

describe('alarm nodes', () => {
  it.each(['JS', 'TBEL'] as const)("ThingsBoard's stock script in %s keeps the details", async (scriptLang) => {
    const context = createTestContext({
      alarms: [{ originator: 'meter-1', type: 'General Alarm', severity: 'MINOR', details: { a: [1, 42.5] } }],
    });
    const config = { scriptLang, alarmDetailsBuildJs: STOCK.JS, alarmDetailsBuildTbel: STOCK.TBEL };
    const { result } = await raise(config, {}, context);
    expect([result.relation, result.msg.metadata, details(context)]).toEqual([
      'Updated',
      { isExistingAlarm: 'true', isSeverityUpdated: 'true' },
      { a: [1, 42.5] },
    ]);
    await makeNode('action/clear-alarm', config).run(testMsg({}, context), context);
    expect(details(context)).toEqual({ a: [1, 42.5] });
  });

  it('a script sees message, metadata and former details; without one the details stay', async () => {
    const script = 'return { t: msg.t, who: metadata.who, count: metadata.prevAlarmDetails ? 2 : 1 };';
    const { context } = await raise({ alarmDetailsBuildJs: script }, { data: { t: 1 }, metadata: { who: 'm' } });
    expect(details(context)).toEqual({ t: 1, who: 'm', count: 1 });
    await raise({}, {}, context);
    expect(details(context)).toEqual({ t: 1, who: 'm', count: 1 });
    await raise({ alarmDetailsBuildJs: script }, { data: { t: 5 } }, context);
    expect(details(context)).toEqual({ t: 5, count: 2 });
  });

  it('type and severity are templates; a secret is none', async () => {
    const config = { alarmType: '$[kind] of ${who}', severity: '$[level]', dynamicSeverity: true };
    const data = { kind: 'Leak', level: 'MINOR', key: new Secret('planted') };
    const { context, result } = await raise(config, { data, metadata: { who: 'pump' } });
    expect(context.namedAlarms()).toMatchObject([{ type: 'Leak of pump', severity: 'MINOR' }]);
    expect(JSON.stringify(result)).not.toContain('planted');
    await expect(raise({ alarmType: '$[key]' }, { data })).rejects.toThrow('$[key] is a secret');
    await expect(raise({ alarmType: '$[gone]' })).rejects.toThrow('$[gone] has no value');
  });

  it('the body may be the alarm; the script makes the details only when told so', async () => {
    const data = { type: 'Own', severity: 'WARNING', details: { own: true }, propagate: true };
    const script = { alarmDetailsBuildJs: 'return { made: true };' };
    const { context } = await raise({ useMessageAlarmData: true, ...script }, { data });
    expect(context.namedAlarms()).toMatchObject([{ type: 'Own', severity: 'WARNING', details: { own: true } }]);
    await raise({ useMessageAlarmData: true, overwriteAlarmDetails: true, ...script }, { data }, context);
    expect(details(context)).toEqual({ made: true });
    for (const body of [{}, [1], { type: 'Own' }, { type: 7, severity: 'MINOR' }, { type: 'x', severity: 'urgent' }]) {
      await expect(raise({ useMessageAlarmData: true }, { data: body })).rejects.toThrow();
    }
  });

  it('the alarm is on whatever the originator is', async () => {
    const context = createTestContext({ assets: [{ name: 'hall', type: 'Grid' }] });
    const originator = await context.findEntity('ASSET', 'hall');
    await raise({}, { originator }, context);
    expect(context.namedAlarms()).toMatchObject([{ originator: 'ASSET hall' }]);
  });

  it('lint finds a severity that is none and a script that is not in the language', () => {
    const at = (config: object) => lintNode('action/create-alarm', config).map((issue) => issue.at);
    expect(at({ severity: 'HIGH' })).toEqual(['/severity']);
    expect(at({ severity: '${level}' })).toEqual(['/severity']);
    expect(at({ severity: '${level}', dynamicSeverity: true })).toEqual([]);
    expect(at({ alarmDetailsBuildJs: 'return eval("1");' })).toEqual(['/alarmDetailsBuildJs']);
    expect(at({ scriptLang: 'TBEL', alarmDetailsBuildJs: 'return {};' })).toEqual(['/alarmDetailsBuildTbel']);
  });

  it("ThingsBoard's configuration is read and written without loss", () => {
    const kind = catalogue.find((one) => one.kind === 'action/clear-alarm');
    const node = { name: 'n', chainName: () => undefined, chainId: () => undefined };
    const stock = {
      alarmType: 'A',
      scriptLang: 'TBEL',
      alarmDetailsBuildJs: null,
      alarmDetailsBuildTbel: 'return {};',
    };
    const own = kind?.thingsboard?.read?.(stock, node);
    expect(own).toEqual({ alarmType: 'A', scriptLang: 'TBEL', alarmDetailsBuildTbel: 'return {};' });
    const lines = { ...own, alarmDetailsBuildTbel: ['var a = 1;', 'return {};'] };
    expect(kind?.thingsboard?.write?.(lines, node)).toMatchObject({ alarmDetailsBuildTbel: 'var a = 1;\nreturn {};' });
  });
});
