import { describe, expect, it } from 'vitest';
import { FormReader } from '../../../src/rules/alarms/index.ts';
import { dynamicSchedule, readSchedule, weekly } from '../../../src/rules/alarms/schedule.ts';

const HOUR = 3_600_000;
const ALL = [1, 2, 3, 4, 5, 6, 7];
const plans = (startsOn: number, endsOn: number, days = ALL) =>
  days.map((day) => ({ day, startsOn: startsOn * HOUR, endsOn: endsOn * HOUR }));
const madrid = (startsOn: number, endsOn: number, days?: number[]) =>
  weekly('Europe/Madrid', plans(startsOn, endsOn, days));
const utc = (text: string) => Date.parse(`${text}Z`);

describe('a schedule', () => {
  it('begins at its start and ends before its end', () => {
    const inForce = madrid(8, 17);
    expect(
      [utc('2026-01-05T06:59:59.999'), utc('2026-01-05T07:00'), utc('2026-01-05T15:59:59.999')].map(inForce),
    ).toEqual([false, true, true]);
    expect(inForce(utc('2026-01-05T16:00'))).toBe(false);
  });

  it('keeps to the wall clock when summer time begins and ends', () => {
    const inForce = madrid(3, 5);
    // 2026-03-29: from 02:00 to 03:00 CEST at 01:00 UTC. 2026-10-25: from 03:00 back to 02:00 at 01:00 UTC.
    const spring = ['00:59', '01:00', '02:59', '03:00'].map((time) => inForce(utc(`2026-03-29T${time}`)));
    expect(spring).toEqual([false, true, true, false]);
    const autumn = ['00:30', '01:30', '02:00', '03:59', '04:00'].map((time) => inForce(utc(`2026-10-25T${time}`)));
    expect(autumn).toEqual([false, false, true, true, false]);
    const twice = madrid(2, 3);
    expect(['00:30', '01:30', '02:30'].map((time) => twice(utc(`2026-10-25T${time}`)))).toEqual([true, true, false]);
    expect(['00:30', '01:30'].map((time) => twice(utc(`2026-03-29T${time}`)))).toEqual([false, false]);
  });

  it('reaches over midnight, and to the end of the day with 0', () => {
    const night = madrid(22, 6);
    expect([utc('2026-01-05T21:00'), utc('2026-01-06T04:59'), utc('2026-01-06T05:00')].map(night)).toEqual([
      true,
      true,
      false,
    ]);
    const whole = madrid(0, 0, [1]);
    expect([utc('2026-01-04T23:00'), utc('2026-01-05T22:59'), utc('2026-01-05T23:00')].map(whole)).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('of another zone is of another time', () => {
    const kathmandu = weekly('Asia/Kathmandu', plans(8, 9)); // UTC+05:45
    expect([utc('2026-01-05T02:14'), utc('2026-01-05T02:15')].map(kathmandu)).toEqual([false, true]);
  });

  it('may have days of its own, and days off', () => {
    const form = new FormReader({
      type: 'CUSTOM',
      timezone: 'Etc/UTC',
      items: [
        { enabled: true, dayOfWeek: 1, startsOn: 0, endsOn: HOUR },
        { enabled: false, dayOfWeek: 2, startsOn: 0, endsOn: 0 },
      ],
    });
    const inForce = readSchedule(form);
    expect(form.issues).toEqual([]);
    expect([utc('2026-01-05T00:30'), utc('2026-01-05T01:00'), utc('2026-01-06T00:30')].map(inForce)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('that cannot be read is found with its place', () => {
    for (const [schedule, at] of [
      [{ type: 'DAILY' }, '/type'],
      [{ type: 'CUSTOM', timezone: 'Mars/Base', items: [] }, '/timezone'],
      [{ type: 'SPECIFIC_TIME', timezone: 'Europe/Madrid' }, '/daysOfWeek'],
      [{ type: 'SPECIFIC_TIME', timezone: 'Europe/Madrid', daysOfWeek: [8] }, '/daysOfWeek/0'],
      [{ type: 'SPECIFIC_TIME', timezone: 'Europe/Madrid', daysOfWeek: [1], startsOn: -1 }, '/startsOn'],
      [{ type: 'CUSTOM', timezone: 'Europe/Madrid', items: [{ dayOfWeek: 1, endsOn: '6' }] }, '/items/0/endsOn'],
    ] as const) {
      const form = new FormReader(schedule);
      readSchedule(form);
      expect([schedule, form.issues.map((issue) => issue.at)]).toEqual([schedule, [at]]);
    }
  });

  it('in an attribute counts while it can be read', () => {
    let held: unknown;
    const inForce = dynamicSchedule(
      () => held as never,
      () => false,
    );
    const view = { ts: utc('2026-01-05T00:30'), value: () => undefined, heardAt: () => undefined };
    const monday = { type: 'SPECIFIC_TIME', timezone: 'Etc/UTC', daysOfWeek: [1], startsOn: 0, endsOn: 0 };
    const seen = [undefined, monday, JSON.stringify(monday), 'no JSON', { type: 'DAILY' }, 7].map((value) => {
      held = value;
      return inForce(view);
    });
    expect(seen).toEqual([false, true, true, false, false, false]);
  });
});
