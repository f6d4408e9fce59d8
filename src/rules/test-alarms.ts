import {
  type Alarm,
  type AlarmId,
  type AlarmOriginator,
  type AlarmRequest,
  cleared,
  type Raised,
  raise,
  statusOf,
} from '../model/alarm.ts';
import type { JsonValue } from '../model/json.ts';
import type { Originator } from '../model/msg.ts';
import type { AlarmContext } from './alarm-context.ts';
import {
  type AlarmRules,
  AlarmStates,
  alarmRules,
  type FormIssue,
  FormReader,
  readNativeAlarms,
} from './alarms/index.ts';
import { type AlarmWorld, formatEntityName } from './test-world.ts';

/** An alarm by the name of its originator, as tests expect it. */
export interface NamedAlarm {
  readonly originator: string;
  readonly type: string;
  readonly severity: string;
  readonly status: string;
  readonly details: JsonValue;
}

export interface TestAlarms extends AlarmContext {
  /** All there are, in the order they were made. */
  namedAlarms(): readonly NamedAlarm[];
}

/** The promises of `AlarmContext` over a list. */
export function createTestAlarms(
  given: AlarmWorld,
  world: {
    readonly now: () => number;
    readonly named: (name: string) => Originator;
    readonly byId: (id: string) => Originator | undefined;
  },
): TestAlarms {
  const alarms = new Map<string, Alarm>();
  const rules = new Map(Object.entries(given.alarmRules ?? {}).map(([profile, form]) => [profile, rulesOf(form)]));
  const saved = new Map<string, JsonValue>();
  const find = (originator: AlarmOriginator, type: string): Alarm | undefined =>
    [...alarms.values()].find((one) => !one.cleared && one.type === type && one.originator.id === originator.id);
  const put = (request: AlarmRequest): Raised => {
    const active = find(request.originator, request.type);
    const raised = raise(active, request);
    // Ids are the same in every run.
    const alarm = active ? raised.alarm : { ...raised.alarm, id: idOf(alarms.size + 1) };
    alarms.set(alarm.id, alarm);
    return { ...raised, alarm };
  };
  for (const { originator, type, severity, details = {} } of given.alarms ?? []) {
    put({ startTs: world.now(), at: world.now(), originator: world.named(originator), type, severity, details });
  }
  return {
    alarmStates: new AlarmStates(10_000),
    activeAlarm: async (originator, type) => find(originator, type),
    alarm: async (id) => alarms.get(id),
    raiseAlarm: async (request) => put({ ...request, at: world.now() }),
    async clearAlarm(id, _by, details) {
      const alarm = alarms.get(id);
      if (alarm === undefined || alarm.cleared) return undefined;
      const next = cleared(alarm, world.now(), details);
      alarms.set(id, next);
      return next;
    },
    alarmRules: (profile) => rules.get(profile),
    loadAlarmState: async ({ chain, node }, { id }) => saved.get(`${id} ${chain}/${node}`),
    saveAlarmState({ chain, node }, { id }, { state }) {
      saved.set(`${id} ${chain}/${node}`, state);
    },
    namedAlarms: () =>
      [...alarms.values()].map((alarm) => {
        const { type, severity, details, originator } = alarm;
        const entity = world.byId(originator.id);
        const name = entity ? formatEntityName(entity) : originator.id;
        return { originator: name, type, severity, status: statusOf(alarm), details };
      }),
  };
}

const idOf = (serial: number): AlarmId => `00000000-0000-7000-8003-${String(serial).padStart(12, '0')}` as AlarmId;

/** What is wrong with the alarm rules of a test: JSON pointers begin at the rules of all profiles. */
export function alarmRuleIssues(given: AlarmWorld): readonly FormIssue[] {
  return Object.keys(given.alarmRules ?? {}).flatMap((profile) => {
    const form = new FormReader(given.alarmRules).get(profile);
    readNativeAlarms(form);
    return form.issues;
  });
}

const rulesOf = (form: unknown): AlarmRules => alarmRules(readNativeAlarms(new FormReader(form)));
