import { describe, expect, it } from 'vitest';
import { readClaim } from '../../src/device-api/claims.ts';
import { type JsonValue, parseJson } from '../../src/model/json.ts';

const DAY_MS = 86_400_000;
const read = (text: string) => {
  const parsed = parseJson(Buffer.from(text), { maxDepth: 9, maxKeys: 9 });
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return readClaim(parsed.value as JsonValue);
};

describe('a claim of a device', () => {
  it.each([
    ['{}', '', DAY_MS],
    ['{"secretKey":"s"}', 's', DAY_MS],
    ['{"secretKey":"s","durationMs":60000}', 's', 60_000],
    ['{"secretKey":null,"durationMs":null}', '', DAY_MS],
    ['{"secretKey":123,"durationMs":60000.0}', '123', 60_000],
    ['{"secretKey":1.50}', '1.50', DAY_MS],
    ['{"durationMs":0}', '', DAY_MS],
    ['{"durationMs":-5}', '', DAY_MS],
    ['{"durationMs":9223372036854775807}', '', 3_650 * DAY_MS],
  ])('%s is read', (text, secretKey, durationMs) => {
    expect(read(text)).toEqual({ kind: 'claim', secretKey, durationMs });
  });

  it('no payload is an empty secret for a day', () => {
    expect(readClaim(undefined)).toEqual({ kind: 'claim', secretKey: '', durationMs: DAY_MS });
  });

  it.each([
    '[1]',
    '5',
    'null',
    '"s"',
    '{"secretKey":{}}',
    '{"durationMs":"60000"}',
    `{"secretKey":"${'x'.repeat(513)}"}`,
  ])('%s is invalid', (text) => {
    expect(read(text).kind).toBe('invalid');
  });
});
