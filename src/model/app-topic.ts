/**
 * Topics of app clients: all below `app/`, so that none is a device's, `$SYS` or `$share`. What a supplier's keys may see is below
 * `app/supplier/<id of the supplier>/`.
 */
export const APP_ROOT = 'app';

const MAX_BYTES = 512;
const MAX_LEVELS = 16;
// Glob characters are wildcards to Redis; control characters are refused by many clients.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are looked for
const FORBIDDEN = /[[\]?*\\\u0000-\u001f\u007f-\u009f]/;

/** All topics of one supplier, as a filter. */
export const supplierTopics = (supplierId: string): string => `${APP_ROOT}/supplier/${supplierId}/#`;

/** Why nothing may be published to this topic, in words; undefined when it may. */
export function appTopicProblem(topic: string): string | undefined {
  return /[+#]/.test(topic) ? 'has a wildcard' : nameProblem(topic);
}

/** Why this is no topic filter of app clients, in words; undefined when it is one. */
export function appFilterProblem(filter: string): string | undefined {
  const levels = filter.split('/');
  const wrong = levels.some((level, at) => {
    if (level === '+') return false;
    if (level === '#') return at !== levels.length - 1;
    return /[+#]/.test(level);
  });
  return wrong ? 'has a wildcard that does not fill its level, or a # before the end' : nameProblem(filter);
}

function nameProblem(name: string): string | undefined {
  const levels = name.split('/');
  if (levels[0] !== APP_ROOT || levels.length < 2) return `does not begin with ${APP_ROOT}/`;
  if (levels.includes('')) return 'has an empty level';
  if (levels.length > MAX_LEVELS) return `has more than ${MAX_LEVELS} levels`;
  if (Buffer.byteLength(name) > MAX_BYTES) return `is longer than ${MAX_BYTES} bytes`;
  if (FORBIDDEN.test(name)) return 'has one of the characters [ ] ? * \\ or a control character';
  return undefined;
}

/** Whether every topic that `filter` matches is matched by `right` too. A topic is a filter of one. */
export function filterCovers(right: string, filter: string): boolean {
  const rights = right.split('/');
  const levels = filter.split('/');
  for (const [at, own] of rights.entries()) {
    if (own === '#') return true; // also the level above it [MQTT-4.7.1-2]
    const level = levels[at];
    if (level === undefined || level === '#') return false;
    if (own !== '+' && own !== level) return false;
  }
  return levels.length === rights.length;
}

/** A text as one level of a topic: `/`, wildcards and what else is forbidden there stand as `%` and their code. */
export function toTopicLevel(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that are replaced
  return text.replace(/[%/+#[\]?*\\\u0000-\u001f\u007f-\u009f]/g, encodeURIComponentAll);
}

const encodeURIComponentAll = (char: string): string =>
  [...Buffer.from(char, 'utf8')].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
