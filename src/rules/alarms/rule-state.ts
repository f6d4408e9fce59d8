import type { AlarmRule, AlarmView } from './alarm-rule.ts';

/** How far a rule has come; zeros at rest. */
export interface RuleState {
  /** True evaluations in a row, of a repeating rule. */
  count: number;
  /** Time of the last true evaluation, ms, and how long it has been true by then, of a duration rule. */
  lastTs: number;
  durationMs: number;
}

export const atRest = (): RuleState => ({ count: 0, lastTs: 0, durationMs: 0 });

export function reset(state: RuleState): void {
  state.count = 0;
  state.lastTs = 0;
  state.durationMs = 0;
}

export type Verdict = 'true' | 'false' | 'not-yet';

/** What a rule says about new data (thingsboard-rule-chains 6.4). */
export function judge(rule: AlarmRule, state: RuleState, view: AlarmView): Verdict {
  if (!rule.inForce(view) || !rule.test(view)) return 'false';
  const { spec } = rule;
  switch (spec.type) {
    case 'simple':
      return 'true';
    case 'repeating':
      state.count++;
      return state.count >= spec.count(view) ? 'true' : 'not-yet';
    case 'duration':
      if (state.lastTs === 0) {
        state.lastTs = view.ts;
        state.durationMs = 0;
      } else if (view.ts > state.lastTs) {
        state.durationMs += view.ts - state.lastTs;
        state.lastTs = view.ts;
      }
      return state.durationMs > spec.ms(view) ? 'true' : 'not-yet';
  }
}

/** What a rule says when nothing but time has passed. */
export function judgeTime(rule: AlarmRule, state: RuleState, view: AlarmView): Verdict {
  if (rule.silences.length > 0) return rule.inForce(view) && rule.test(view) ? 'true' : 'not-yet';
  if (rule.spec.type !== 'duration' || state.lastTs === 0) return 'not-yet';
  if (!rule.inForce(view)) return 'false';
  return state.durationMs + (view.ts - state.lastTs) > rule.spec.ms(view) ? 'true' : 'not-yet';
}

/** When time alone may change what the rule says, ms; undefined: never. Only times behind `after` count. */
export function dueAt(rule: AlarmRule, state: RuleState, view: AlarmView, after: number): number | undefined {
  const times: number[] = [];
  for (const { ref, ms } of rule.silences) {
    const heardAt = view.heardAt(ref);
    if (heardAt !== undefined) times.push(heardAt + ms(view));
  }
  if (rule.spec.type === 'duration' && state.lastTs > 0) {
    const leftMs = rule.spec.ms(view) - state.durationMs;
    if (leftMs >= 0) times.push(state.lastTs + leftMs + 1);
  }
  const next = Math.min(...times.filter((time) => time > after));
  return Number.isFinite(next) ? next : undefined;
}
