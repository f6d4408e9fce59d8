import { type AlarmDefinition, FormReader } from '../rules/alarms/index.ts';
import type { Report } from './profile-draft.ts';

/** One place of a file that holds alarm rules, and how they are read. */
export interface AlarmSource {
  readonly value: unknown;
  readonly at: string;
  readonly read: (form: FormReader) => readonly AlarmDefinition[];
}

/** All alarm rules of a profile; what is wrong with them is reported, with its place. */
export function readAlarms(sources: readonly AlarmSource[], report: Report): readonly AlarmDefinition[] {
  const all: AlarmDefinition[] = [];
  const error = (at: string, problem: string, hint?: string): void =>
    report({ at, rule: 'invalid-alarm-rule', level: 'error', problem, ...(hint === undefined ? {} : { hint }) });
  for (const { value, at, read } of sources) {
    const form = new FormReader(value, at);
    const found = read(form);
    for (const issue of form.issues) error(issue.at, issue.problem, issue.hint);
    for (const alarm of found) {
      if (all.some(({ type }) => type === alarm.type))
        error(at, `an alarm of the type "${alarm.type}" stands elsewhere, too`);
      else all.push(alarm);
    }
  }
  return all;
}
