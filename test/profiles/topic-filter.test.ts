import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTopicFilter, filtersOverlap, topicFilterProblem } from '../../src/profiles/topic-filter.ts';

describe('topic filter', () => {
  it.each([
    ['v1/devices/me/telemetry', 'v1/devices/me/telemetry', true],
    ['v1/devices/me/telemetry', 'v1/devices/me/telemetry/', false],
    ['a/+/c', 'a/b/c', true],
    ['a/+/c', 'a//c', false],
    ['a/+/c', 'a/b/x/c', false],
    ['a/+', 'a', false],
    ['+', 'a', true],
    ['+', '', false],
    ['a/#', 'a', true],
    ['a/#', 'a/', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['#', 'a/b', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['a.c', 'abc', false],
    ['a//b', 'a//b', true],
    ['+/#', 'a', true],
    ['a/+/#', 'a', false],
  ])('%s and %s: %s', (filter, topic, matches) => {
    expect(compileTopicFilter(filter).matches(topic)).toBe(matches);
    expect(topicFilterProblem(filter)).toBeUndefined();
  });

  it.each(['', '#/a', 'a/#/b', 'a+', 'a/b#', '+a/b', '$SYS/a', 'a\nb', 'a\0', 'x'.repeat(256)])(
    '%j is refused',
    (filter) => {
      expect(topicFilterProblem(filter)).toBeDefined();
    },
  );

  const level = fc.constantFrom('a', 'b', '');
  const filterLevel = fc.constantFrom('a', 'b', '+', '');
  const filter = fc
    .tuple(fc.array(filterLevel, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'))
    .filter((text) => text !== '');

  const byRegExp = (text: string, topic: string): boolean => {
    const parts = text.split('/').map((part) => (part === '+' ? '[^/]+' : part));
    const source = parts.at(-1) === '#' ? `${parts.slice(0, -1).join('/')}(/.*)?` : parts.join('/');
    return new RegExp(`^${source}$`).test(topic);
  };

  it('matches as a regular expression of it does', () => {
    fc.assert(
      fc.property(filter, fc.array(level, { minLength: 1, maxLength: 4 }), (text, levels) => {
        const topic = levels.join('/');
        fc.pre(topic !== '');
        expect(compileTopicFilter(text).matches(topic)).toBe(byRegExp(text, topic));
      }),
    );
  });

  it('overlaps with another exactly when some topic matches both', () => {
    const topics = [1, 2, 3, 4, 5].flatMap((length) => {
      const build = (left: number): string[][] =>
        left === 0 ? [[]] : build(left - 1).flatMap((rest) => ['a', 'b', ''].map((part) => [part, ...rest]));
      return build(length).map((parts) => parts.join('/'));
    });
    fc.assert(
      fc.property(filter, filter, (left, right) => {
        const both = topics.some(
          (topic) =>
            topic !== '' && compileTopicFilter(left).matches(topic) && compileTopicFilter(right).matches(topic),
        );
        expect(filtersOverlap(left, right)).toBe(both);
      }),
    );
  });
});
