import { describe, expect, it } from 'vitest';
import { DEFAULT_PAYLOAD, parsePayload } from '../../src/cli/simulate-payload.ts';

const facts = { n: 7, ts: 1_700_000_000_000, name: 'meter-1', random: () => 0.5 };

describe('parsePayload', () => {
  it('fills number, time, name and random values in', () => {
    const text = parsePayload('{"n":{{n}},"ts":{{ ts }},"who":"{{name}}","p":{{random 0 9}}}')(facts);
    expect(JSON.parse(text)).toEqual({ n: 7, ts: 1_700_000_000_000, who: 'meter-1', p: 5 });
  });

  it.each([
    [0, '10', '226.0', '-5'],
    [0.999999, '20', '234.5', '5'],
  ])('random reaches both ends and keeps the decimals of its bounds (%f)', (value, whole, decimals, negative) => {
    const text = parsePayload('[{{random 10 20}},{{random 226.0 234.5}},{{random -5 5}}]');
    expect(text({ ...facts, random: () => value })).toBe(`[${whole},${decimals},${negative}]`);
  });

  it('the default is the timestamped form of ThingsBoard', () => {
    const value = JSON.parse(parsePayload(DEFAULT_PAYLOAD)(facts)) as { ts: number; values: Record<string, number> };
    expect(value.ts).toBe(facts.ts);
    expect(value.values.sequence).toBe(7);
  });

  it.each([
    ['{"a":{{x}}}', '{{x}}'],
    ['{"a":{{random 5 1}}}', 'smaller first'],
    ['{"a":{{random a 1}}}', 'two numbers'],
    ['{"a":{{name}}}', 'not JSON'],
    ['{"a":', 'not JSON'],
  ])('%s is a usage error', (template, words) => {
    expect(() => parsePayload(template)).toThrow(words);
  });
});
