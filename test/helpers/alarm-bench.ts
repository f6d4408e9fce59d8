import type { JsonObject } from '../../src/model/json.ts';
import type { DeviceProfile } from '../../src/profiles/index.ts';
import { loadProfiles } from '../../src/profiles/index.ts';
import { ALARM_RULES_DUE } from '../../src/rules/alarms/index.ts';
import { runChain } from '../../src/rules/run.ts';
import { createTestContext, type TestContext, type TestGiven } from '../../src/rules/test-context.ts';
import { loadOrThrow, tempFolder } from './chain-kit.ts';

/** Monday 2026-03-02 00:00 UTC: no clock is changed for weeks. */
export const T0 = Date.UTC(2026, 2, 2);
const TYPES = ['Alarm Created', 'Alarm Updated', 'Alarm Severity Updated', 'Alarm Cleared'];
const CHAIN = {
  name: 'main',
  root: true,
  first: 'rules',
  nodes: {
    rules: { kind: 'profile/alarm-rules', to: Object.fromEntries(['Success', ...TYPES].map((type) => [type, 'log'])) },
    log: { kind: 'action/log', config: { text: 'reached' } },
  },
};

/** A profile file, read as the broker reads it; throws with the findings. */
export async function profileOf(file: object): Promise<DeviceProfile> {
  await using folder = await tempFolder({ 'meter.json': JSON.stringify(file) });
  const loaded = await loadProfiles(folder.path, { env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues, null, 1));
  const [profile] = loaded.profiles.all();
  if (!profile) throw new Error('no profile');
  return profile;
}

/** An export of ThingsBoard's with these alarms. */
export const thingsboardProfile = (...alarms: object[]) => ({
  name: 'meter',
  type: 'DEFAULT',
  transportType: 'DEFAULT',
  provisionType: 'DISABLED',
  profileData: { configuration: { type: 'DEFAULT' }, transportConfiguration: { type: 'DEFAULT' }, alarms },
});

/** One device of a profile in front of a chain with its alarm rules, on a clock that only the test moves. */
export async function alarmBench(file: object, given: TestGiven = {}) {
  const { alarmRules } = await profileOf(file);
  await using folder = await tempFolder({ 'main.json': JSON.stringify(CHAIN) });
  const { root } = await loadOrThrow(folder.path);
  const world = createTestContext({ now: T0, devices: [{ name: 'm1', profile: 'meter' }], ...given });
  const context: TestContext = { ...world, alarmRules: (profile) => (profile === 'meter' ? alarmRules : undefined) };
  const originator = context.originator('m1');
  let serial = 0;

  /** What left beside the message, in order, and what it said. */
  const run = async (type: string, data: JsonObject, ts: number, metadata: Record<string, string> = {}) => {
    const left: string[] = [];
    const msg = { id: `m${++serial}`, ts, type, originator, metadata, data };
    const result = await runChain(root.first, msg, context, {
      trace: ({ node, labels }) => left.push(...(node === 'rules' ? labels : [])),
    });
    if (result.outcome !== 'processed') throw new Error(JSON.stringify(result));
    return left;
  };
  const alarmsOnly = (left: readonly string[]) => left.filter((label) => label !== 'Success').join();
  return {
    context,
    originator,
    run,
    /** Telemetry of a time; gives the labels of alarms. */
    async telemetry(values: JsonObject, ts = context.now()) {
      context.advanceTo(ts);
      return alarmsOnly(await run('POST_TELEMETRY_REQUEST', values, ts, { ts: String(ts) }));
    },
    async attributes(values: JsonObject) {
      return alarmsOnly(await run('POST_ATTRIBUTES_REQUEST', values, context.now()));
    },
    /** Time passes; whatever is due by then is looked at when it is due. */
    async wait(until: number) {
      const left: string[] = [];
      for (let next = context.alarmStates.nextDue; next !== undefined && next <= until; ) {
        context.advanceTo(next);
        for (const _ of context.alarmStates.takeDue(context.now(), 10)) {
          left.push(...(await run(ALARM_RULES_DUE, {}, context.now())));
        }
        next = context.alarmStates.nextDue;
      }
      context.advanceTo(until);
      return alarmsOnly(left);
    },
    /** `CRITICAL ACTIVE_UNACK` of each alarm. */
    alarms: () => context.namedAlarms().map(({ severity, status }) => `${severity} ${status}`),
  };
}
