import { describe, expect, it } from 'vitest';
import { lintProfile } from '../../src/profiles/lint.ts';
import { parseProfile } from '../../src/profiles/parse.ts';

function lint(profile: unknown): string[] {
  const found: string[] = [];
  const report = (issue: { rule: string; level: string; at: string }) =>
    found.push(`${issue.level} ${issue.rule} ${issue.at}`);
  const parsed = parseProfile(profile, report);
  if (parsed) lintProfile(parsed, report);
  return found;
}

const provision = { strategy: 'allow-create-new-devices', key: 'k', secret: { env: 'X' } };

describe('profile lint rules', () => {
  it('a good profile has no findings', () => {
    expect(lint({ name: 'p', provision, topics: { telemetry: 'a/+', attributes: 'b/#' } })).toEqual([]);
  });

  it.each<[string, unknown, string[]]>([
    [
      'missing-key',
      { name: 'p', provision: { strategy: 'allow-create-new-devices' } },
      ['error missing-key /provision/key'],
    ],
    [
      'literal-secret',
      { name: 'p', provision: { ...provision, secret: 'abcdefghij' } },
      ['warning literal-secret /provision/secret'],
    ],
    ['invalid-name', { name: ' p' }, ['error invalid-name /name']],
    [
      'invalid-name of a key',
      { name: 'p', provision: { ...provision, key: '<b>' } },
      ['error invalid-name /provision/key'],
    ],
    ['invalid-rate', { name: 'p', limits: { messages: '10' } }, ['error invalid-rate /limits/messages']],
    [
      'invalid-rate of provisioning',
      { name: 'p', provision: { ...provision, rate: '1:0' } },
      ['error invalid-rate /provision/rate'],
    ],
    [
      'invalid-topic-filter',
      { name: 'p', topics: { telemetry: 'a/#/b' } },
      ['error invalid-topic-filter /topics/telemetry'],
    ],
    [
      'invalid-topic-filter of provisioning',
      { name: 'p', topics: { attributes: '/provision' } },
      ['error invalid-topic-filter /topics/attributes'],
    ],
    [
      'equal-topics',
      { name: 'p', topics: { telemetry: 'a', attributes: 'a' } },
      ['error equal-topics /topics/telemetry'],
    ],
    [
      'equal-topics with the standard',
      { name: 'p', topics: { attributes: 'v1/devices/me/telemetry' } },
      ['error equal-topics /topics/attributes'],
    ],
    [
      'overlapping-topics',
      { name: 'p', topics: { telemetry: 'a/+', attributes: 'a/b' } },
      ['warning overlapping-topics /topics/telemetry'],
    ],
    [
      'swallows-requests',
      { name: 'p', topics: { telemetry: '#' } },
      ['warning overlapping-topics /topics/telemetry', 'warning swallows-requests /topics/telemetry'],
    ],
    ['ignored-field', { name: 'p', transport: 'default', topics: { telemetry: 'a' } }, ['error ignored-field /topics']],
    [
      'unknown-word',
      { name: 'p', provision: { ...provision, strategy: 'allow' } },
      ['error unknown-word /provision/strategy'],
    ],
    ['invalid-value', { name: 'p', history: '5 years' }, ['error invalid-value /history']],
  ])('%s', (_rule, profile, found) => {
    expect(lint(profile)).toEqual(found);
  });
});
