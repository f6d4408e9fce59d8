import type { Alarm, AlarmSeverity } from '../../model/alarm.ts';
import type { JsonValue } from '../../model/json.ts';
import type { AlarmDefinition, AlarmRule, AlarmRules, AlarmView, CreateRule, DataRef } from './alarm-rule.ts';
import { atRest, dueAt, judge, judgeTime, type RuleState, reset, type Verdict } from './rule-state.ts';

export type AlarmRelation = 'Alarm Created' | 'Alarm Updated' | 'Alarm Severity Updated' | 'Alarm Cleared';

/** What an evaluation did to an alarm. */
export interface AlarmOutput {
  readonly relation: AlarmRelation;
  readonly alarm: Alarm;
  /** How often, or how long, ms, the rule was true by then. */
  readonly repeats?: number;
  readonly durationMs?: number;
}

/** The world as an evaluation changes it. */
export interface AlarmHand {
  isActive(alarm: AlarmDefinition): Promise<boolean>;
  /** Undefined: a graver alarm is active, and stays as it is. */
  raise(
    alarm: AlarmDefinition,
    severity: AlarmSeverity,
    details: JsonValue | undefined,
  ): Promise<{ readonly relation: AlarmRelation; readonly alarm: Alarm } | undefined>;
  /** Undefined: there was nothing to clear. */
  clear(alarm: AlarmDefinition, details: JsonValue | undefined): Promise<Alarm | undefined>;
}

export interface Heard {
  readonly value: JsonValue;
  readonly ts: number;
}

/** What is kept of one device for its alarm rules: the values that rules read, and how far each rule has come. */
export class DeviceAlarms {
  readonly data = new Map<DataRef, Heard>();
  readonly #states = new Map<string, RuleState>();
  /** Alarms that are known to be active, or not; what is not known is asked for. */
  readonly #active = new Map<string, boolean>();
  #checkedAt = 0;

  /** Takes in new values, undefined for one that is gone; gives what has changed. A value older than the one that is known is let be. */
  hear(
    values: Iterable<readonly [DataRef, JsonValue | undefined]>,
    ts: number,
    rules: AlarmRules,
  ): ReadonlySet<DataRef> {
    const changed = new Set<DataRef>();
    for (const [ref, value] of values) {
      const known = this.data.get(ref);
      if (!rules.reads.has(ref) || (known !== undefined && known.ts > ts)) continue;
      if (value === undefined) this.data.delete(ref);
      else this.data.set(ref, { value, ts });
      changed.add(ref);
    }
    return changed;
  }

  /** Somebody else has handled an alarm of this type; `ended`: it is over, and its rules begin anew. */
  forget(rules: AlarmRules, type: string, ended: boolean): void {
    for (const alarm of rules.alarms) {
      if (alarm.type !== type) continue;
      this.#active.delete(alarm.id);
      if (ended) for (const rule of alarm.create) reset(this.#stateOf(alarm, rule));
    }
  }

  /** @param changed what is new; undefined: only time has passed. */
  async evaluate(
    rules: AlarmRules,
    view: AlarmView,
    changed: ReadonlySet<DataRef> | undefined,
    hand: AlarmHand,
  ): Promise<readonly AlarmOutput[]> {
    const outputs: AlarmOutput[] = [];
    for (const alarm of rules.alarms) {
      const output = await this.#evaluateOne(alarm, view, changed, hand);
      if (output) outputs.push(output);
    }
    if (changed === undefined) this.#checkedAt = view.ts;
    return outputs;
  }

  async #evaluateOne(
    alarm: AlarmDefinition,
    view: AlarmView,
    changed: ReadonlySet<DataRef> | undefined,
    hand: AlarmHand,
  ): Promise<AlarmOutput | undefined> {
    const say = (rule: AlarmRule): Verdict | undefined => {
      const state = this.#stateOf(alarm, rule);
      if (changed === undefined) return judgeTime(rule, state, view);
      return intersects(rule.wakesOn, changed) ? judge(rule, state, view) : undefined;
    };
    let raising: CreateRule | undefined;
    for (const rule of alarm.create) {
      const verdict = say(rule);
      if (verdict === 'false') reset(this.#stateOf(alarm, rule));
      if (verdict !== 'true') continue;
      raising = rule;
      break;
    }
    if (raising) return this.#raise(alarm, raising, view, hand);
    const { clear } = alarm;
    if (clear === undefined || !(await this.#isActive(alarm, hand))) return undefined;
    const verdict = say(clear);
    if (verdict === 'false') reset(this.#stateOf(alarm, clear));
    if (verdict !== 'true') return undefined;
    const measures = this.#measures(alarm, clear);
    const cleared = await hand.clear(alarm, clear.details?.(view));
    this.#active.set(alarm.id, false);
    for (const rule of [...alarm.create, clear]) reset(this.#stateOf(alarm, rule));
    return cleared && { relation: 'Alarm Cleared', alarm: cleared, ...measures };
  }

  async #raise(
    alarm: AlarmDefinition,
    rule: CreateRule,
    view: AlarmView,
    hand: AlarmHand,
  ): Promise<AlarmOutput | undefined> {
    const measures = this.#measures(alarm, rule);
    const raised = await hand.raise(alarm, rule.severity, rule.details?.(view));
    this.#active.set(alarm.id, true);
    if (alarm.clear) reset(this.#stateOf(alarm, alarm.clear));
    return raised && { ...raised, ...measures };
  }

  async #isActive(alarm: AlarmDefinition, hand: AlarmHand): Promise<boolean> {
    let active = this.#active.get(alarm.id);
    if (active === undefined) {
      active = await hand.isActive(alarm);
      this.#active.set(alarm.id, active);
    }
    return active;
  }

  #measures(alarm: AlarmDefinition, rule: AlarmRule): Pick<AlarmOutput, 'repeats' | 'durationMs'> {
    const { count, durationMs } = this.#stateOf(alarm, rule);
    if (rule.spec.type === 'repeating') return { repeats: count };
    return rule.spec.type === 'duration' ? { durationMs } : {};
  }

  #stateOf(alarm: AlarmDefinition, rule: AlarmRule | CreateRule): RuleState {
    const key = `${'severity' in rule ? rule.severity : 'clear'} ${alarm.id}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      state = atRest();
      this.#states.set(key, state);
    }
    return state;
  }

  /** When time alone may change something, ms; undefined: never. */
  dueAt(rules: AlarmRules, view: AlarmView): number | undefined {
    let next: number | undefined;
    for (const alarm of rules.alarms) {
      const { clear } = alarm;
      const waiting = clear && this.#active.get(alarm.id) ? [...alarm.create, clear] : alarm.create;
      for (const rule of waiting) {
        const due = dueAt(rule, this.#stateOf(alarm, rule), view, this.#checkedAt);
        if (due !== undefined && (next === undefined || due < next)) next = due;
      }
    }
    return next;
  }

  /** What has to outlive the process; the values are read anew. */
  save(): JsonValue {
    const rules = [...this.#states].filter(([, { count, lastTs }]) => count > 0 || lastTs > 0);
    return { rules: Object.fromEntries(rules.map(([key, state]) => [key, { ...state }])), checkedAt: this.#checkedAt };
  }

  /** The opposite of `save`; what is of another form is as if nothing had been saved. */
  load(saved: JsonValue): void {
    const { rules, checkedAt } = Object(saved) as { rules?: unknown; checkedAt?: unknown };
    if (typeof checkedAt === 'number') this.#checkedAt = checkedAt;
    for (const [key, state] of Object.entries(Object(rules) as Record<string, Partial<RuleState>>)) {
      const { count, lastTs, durationMs } = state;
      if (typeof count !== 'number' || typeof lastTs !== 'number' || typeof durationMs !== 'number') continue;
      this.#states.set(key, { count, lastTs, durationMs });
    }
  }
}

function intersects(wanted: ReadonlySet<DataRef>, changed: ReadonlySet<DataRef>): boolean {
  for (const ref of changed) if (wanted.has(ref)) return true;
  return false;
}
