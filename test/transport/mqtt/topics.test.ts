import { describe, expect, it } from 'vitest';
import type { DeviceProfile } from '../../../src/device-api/index.ts';
import { compileTopicFilter } from '../../../src/profiles/topic-filter.ts';
import { readFilter } from '../../../src/transport/mqtt/topics.ts';

const STANDARD = ['v1/devices/me/attributes', 'v1/devices/me/attributes/response/+', 'v2/fw/error'];
const LEVELS = ['a', 'b', '$x'];

/** All lists of one to so many levels. */
function paths(levels: readonly string[], most: number): string[] {
  let longest = [''];
  const all: string[] = [];
  for (let length = 1; length <= most; length++) {
    longest = longest.flatMap((path) => levels.map((level) => (path === '' ? level : `${path}/${level}`)));
    all.push(...longest);
  }
  return all;
}

const topics = paths(LEVELS, 4);
/** `#` only as the last level: others are stopped before. */
const filters = paths([...LEVELS, '+'], 3)
  .flatMap((path) => [path, `${path}/#`])
  .concat('#');

/** MQTT 5.0, 4.7.1 to 4.7.2, level by level. */
function matches(filter: readonly string[], topic: readonly string[]): boolean {
  const [level, ...rest] = filter;
  if (level === '#') return true;
  if (level === undefined || topic.length === 0) return filter.length === topic.length;
  return (level === '+' || level === topic[0]) && matches(rest, topic.slice(1));
}

const topicsOf = (filter: string): string[] =>
  topics.filter((topic) => {
    if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
    return matches(filter.split('/'), topic.split('/'));
  });

function profileWith(own: string | undefined): DeviceProfile {
  const attributesSubscribe = own === undefined ? {} : { attributesSubscribe: compileTopicFilter(own) };
  return { topics: attributesSubscribe } as DeviceProfile;
}

describe('filters that a device may have', () => {
  it('are no wider than the right: with a filter of the profile, every topic of it is in that filter', () => {
    const rights = filters.filter((filter) => !filter.startsWith('$'));
    const reach = new Map(filters.map((filter) => [filter, topicsOf(filter)]));
    for (const right of rights) {
      const within = new Set(reach.get(right));
      const profile = profileWith(right);
      const wrong = filters.filter((filter) => {
        const inside = (reach.get(filter) ?? []).every((topic) => within.has(topic));
        return readFilter(filter, profile).granted && !inside;
      });
      expect(wrong, right).toEqual([]);
      expect(readFilter(right, profile).granted, right).toBe(true);
    }
  });

  it('and those of which every topic is in it are granted', () => {
    for (const [right, filter] of [
      ['a/#', 'a/b/#'],
      ['a/#', 'a'],
      ['a/#', 'a/+/b'],
      ['a/+', 'a/b'],
      ['+/b', 'a/b'],
      ['+/#', 'a/#'],
    ] as const) {
      expect(readFilter(filter, profileWith(right)), `${filter} in ${right}`).toMatchObject({ granted: true });
    }
  });

  it.each([
    ...['#', '+', '/#', '+/#', 'v1/#', 'v1/+/me/attributes', 'v1/devices/+/attributes', 'v1/devices/me/#'],
    ...[
      'v1/devices/me/attributes/#',
      'v1/devices/me/attributes/+',
      'v1/devices//attributes',
      '/v1/devices/me/attributes',
    ],
    ...[
      '$share/g/v1/devices/me/attributes',
      '$SYS/#',
      '$CONTROL/#',
      '$delayed/1/a',
      'v1/devices/me/attributes/',
      'V2/A',
    ],
  ])('%s is none of them', (filter) => {
    for (const own of [undefined, 'a/+', '+/b']) {
      expect(readFilter(filter, profileWith(own))).toEqual({ granted: false });
    }
  });

  it.each(STANDARD)('%s is one of them', (filter) => {
    expect(readFilter(filter, profileWith(undefined)).granted).toBe(true);
  });
});
