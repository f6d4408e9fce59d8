import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appFilterProblem, appTopicProblem, filterCovers, toTopicLevel } from '../../src/model/app-topic.ts';

/** MQTT's own rule, level by level; knows nothing of rights. */
function matches(filter: readonly string[], topic: readonly string[]): boolean {
  const [level, ...rest] = filter;
  if (level === '#') return true;
  if (topic.length === 0) return level === undefined;
  if (level === undefined) return false;
  return (level === '+' || level === topic[0]) && matches(rest, topic.slice(1));
}

const WORDS = ['a', 'b'];

/** `app`, and every topic of up to five levels below it over two words, and one word that no filter names. */
const TOPICS: readonly (readonly string[])[] = (() => {
  const all: string[][] = [['app']];
  let last: string[][] = [['app']];
  for (let levels = 0; levels < 5; levels++) {
    last = last.flatMap((topic) => [...WORDS, 'z'].map((word) => [...topic, word]));
    all.push(...last);
  }
  return all;
})();

const filters = fc
  .tuple(fc.array(fc.constantFrom(...WORDS, '+'), { minLength: 0, maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => ['app', ...levels, ...(open || levels.length === 0 ? ['#'] : [])].join('/'));

describe('topics of app clients', () => {
  it('a filter is covered by a right exactly when every topic it matches is matched by the right', () => {
    fc.assert(
      fc.property(filters, filters, (right, filter) => {
        const [r, f] = [right.split('/'), filter.split('/')];
        const allowed = TOPICS.every((topic) => !matches(f, topic) || matches(r, topic));
        expect(filterCovers(right, filter)).toBe(allowed);
      }),
      { numRuns: 20_000 },
    );
  });

  it('a topic is covered by a filter exactly when MQTT says that it matches', () => {
    for (const filter of ['app/#', 'app/+', 'app/a/#', 'app/+/b', 'app/a/+/#', 'app/a/b/a']) {
      for (const topic of TOPICS) {
        expect(filterCovers(filter, topic.join('/')), `${filter} ${topic.join('/')}`).toBe(
          matches(filter.split('/'), topic),
        );
      }
    }
  });

  it.each([
    '#',
    '+/a',
    '+/#',
    '/app/a',
    'app',
    'app/',
    'app//a',
    'apps/a',
    'App/a',
    '$SYS/#',
    '$share/g/app/a',
    '$share/g/app/#',
    'v1/devices/me/telemetry',
    'app/a+',
    'app/#/a',
    'app/a#',
    'app/[ab]',
    'app/a?',
    'app/*',
    'app/a\\b',
    'app/a\u0000',
    `app/${'x/'.repeat(20)}x`,
    `app/${'é'.repeat(300)}`,
    '__proto__',
    '',
  ])('%j is no filter of app clients', (filter) => {
    expect(appFilterProblem(filter)).toBeTypeOf('string');
    expect(appTopicProblem(filter)).toBeTypeOf('string');
  });

  it('filters have wildcards, topics have none', () => {
    for (const filter of ['app/#', 'app/+', 'app/+/x/#', 'app/supplier/1/#'])
      expect([appFilterProblem(filter), appTopicProblem(filter)]).toEqual([undefined, expect.any(String)]);
    for (const topic of ['app/a', 'app/__proto__', 'app/$SYS/x', 'app/a b/ñ']) {
      expect(appTopicProblem(topic)).toBeUndefined();
      expect(appFilterProblem(topic)).toBeUndefined();
    }
  });

  it('any text that is filled in is one level of a topic, and different texts stay different', () => {
    expect(toTopicLevel('hall 2/meter+1#%')).toBe('hall 2%2Fmeter%2B1%23%25');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => {
        const level = toTopicLevel(text);
        expect(appTopicProblem(`app/${level}/x`)).toBeUndefined();
        expect(level).not.toContain('/');
        expect(decodeURIComponent(level.replace(/%(?![0-9A-F]{2})/g, '%25'))).toBe(text);
      }),
    );
  });
});
