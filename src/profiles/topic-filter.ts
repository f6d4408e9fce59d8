/** A topic filter of a profile, compiled. */
export interface TopicFilter {
  readonly text: string;
  matches(topic: string): boolean;
}

const MAX_LENGTH = 255;

/** What is wrong with a filter's form (thingsboard-device-api 5.1); undefined when it may be used. */
export function topicFilterProblem(text: string): string | undefined {
  if (text === '') return 'is empty';
  if (text.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  if (text.startsWith('$')) return 'starts with $: such topics belong to the broker';
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) < 0x20 || text.charCodeAt(at) === 0x7f) return 'holds control characters';
  }
  const levels = text.split('/');
  for (const [index, level] of levels.entries()) {
    if (level === '#' && index < levels.length - 1) return '# may only be the last level';
    if (level.length > 1 && /[+#]/.test(level)) return `a wildcard must fill its level, as in "+", not "${level}"`;
  }
  return undefined;
}

/**
 * Compiles a filter of valid form. `+` is one non-empty level; `a/#` is `a` and all below; without wildcards the topic
 * must be equal. No filter with a wildcard in front matches a `$` topic.
 */
export function compileTopicFilter(text: string): TopicFilter {
  if (!/[+#]/.test(text)) return { text, matches: (topic) => topic === text };
  const levels = text.split('/');
  const open = levels.at(-1) === '#';
  const fixed = open ? levels.slice(0, -1) : levels;
  const wildFront = levels[0] === '+' || levels[0] === '#';
  return {
    text,
    matches(topic) {
      if (topic === '' || (wildFront && topic.startsWith('$'))) return false;
      const parts = topic.split('/');
      if (open ? parts.length < fixed.length : parts.length !== fixed.length) return false;
      return fixed.every((level, index) => (level === '+' ? parts[index] !== '' : level === parts[index]));
    },
  };
}

/** Whether some topic matches both filters. */
export function filtersOverlap(a: string, b: string): boolean {
  const left = a.split('/');
  const right = b.split('/');
  for (let at = 0; ; at++) {
    const x = left[at];
    const y = right[at];
    if (x === '#' || y === '#') return true;
    // `a/#` also matches `a`: the open filter may end one level later.
    if (x === undefined || y === undefined) return x === y;
    if (x === '+' ? y === '' : y === '+' ? x === '' : x !== y) return false;
  }
}
