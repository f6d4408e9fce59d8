import { parseRateLimit } from '../model/rate-limit.ts';
import type { Parsed, ProfileDraft, Report } from './profile-draft.ts';
import { POLICIES } from './thing.ts';
import { filtersOverlap, topicFilterProblem } from './topic-filter.ts';

export const STANDARD_TELEMETRY = 'v1/devices/me/telemetry';
export const STANDARD_ATTRIBUTES = 'v1/devices/me/attributes';
const PROVISION_TOPICS = ['/provision', '/provision/request'];
const ATTRIBUTE_REQUESTS = 'v1/devices/me/attributes/request/+';
const MAX_NAME = 255;

/** Findings about one profile that its schema cannot say. */
export function lintProfile({ draft, places }: Parsed, report: Report): void {
  const error = (member: keyof ProfileDraft, rule: string, problem: string, hint?: string): void =>
    report({ at: places[member], rule, level: 'error', problem, ...(hint ? { hint } : {}) });
  const warning = (member: keyof ProfileDraft, rule: string, problem: string, hint?: string): void =>
    report({ at: places[member], rule, level: 'warning', problem, ...(hint ? { hint } : {}) });

  const name = nameProblem(draft.name);
  if (name) error('name', 'invalid-name', name);
  const key = draft.key === undefined ? undefined : nameProblem(draft.key);
  if (key) error('key', 'invalid-name', key);
  const dialect = draft.thing?.dialect ?? 'native';
  const policies: readonly string[] = POLICIES[dialect];
  if (draft.onExisting !== undefined && !policies.includes(draft.onExisting)) {
    const hint = `one of ${policies.join(', ')}`;
    error('onExisting', 'unsupported-policy', `dialect "${dialect}" does not know "${draft.onExisting}"`, hint);
  }
  if (
    dialect === 'native' &&
    (draft.onExisting ?? 'reject') !== 'reject' &&
    draft.strategy !== 'allow-create-new-devices'
  ) {
    const hint = 'an administrator lets such a device ask again by deleting its attribute provisionState';
    error('onExisting', 'ignored-field', 'works with the strategy "allow-create-new-devices" only', hint);
  }
  const { allowPlaintextProvisioning, requireTls } = draft.listeners;
  if (allowPlaintextProvisioning && requireTls) {
    error('listeners', 'ignored-field', 'allowPlaintextProvisioning has no effect where requireTls is set');
  } else if (allowPlaintextProvisioning) {
    const problem = "the product's secret is taken over connections without TLS: who listens can register devices";
    warning('listeners', 'plaintext-provisioning', problem);
  }
  if (draft.strategy !== 'disabled' && draft.key === undefined && draft.thing === undefined) {
    error('key', 'missing-key', `strategy ${draft.strategy} needs a provision key`);
  }
  if (typeof draft.secret === 'string') {
    const hint = 'use {"env": "NAME"} or {"file": "path"}: files of profiles are kept in version control';
    warning('secret', 'literal-secret', 'the provision secret stands in the file in clear', hint);
  }
  for (const member of ['rate', 'messages', 'telemetryMessages', 'telemetryDataPoints'] as const) {
    const parsed = parseRateLimit(draft[member]);
    if (!parsed.ok)
      error(member, 'invalid-rate', `is not a rate limit: ${parsed.error.problem}`, 'as in 100:1,2000:60');
  }
  for (const member of ['telemetryTopic', 'attributesTopic', 'attributesSubscribeTopic'] as const) {
    const text = draft[member];
    const problem = text === undefined ? undefined : topicFilterProblem(text);
    if (problem) {
      error(member, 'invalid-topic-filter', problem);
      return;
    }
  }
  lintTopics(draft, error, warning);
}

type Finding = (member: keyof ProfileDraft, rule: string, problem: string, hint?: string) => void;

function lintTopics(draft: ProfileDraft, error: Finding, warning: Finding): void {
  const telemetry = draft.telemetryTopic ?? STANDARD_TELEMETRY;
  const attributes = draft.attributesTopic ?? STANDARD_ATTRIBUTES;
  const custom = draft.telemetryTopic === undefined ? 'attributesTopic' : 'telemetryTopic';
  if (telemetry === attributes) {
    error(custom, 'equal-topics', 'telemetry and attributes have the same topic filter');
    return;
  }
  if (filtersOverlap(telemetry, attributes)) {
    warning(custom, 'overlapping-topics', 'a topic can match both filters: it then counts as attributes');
  }
  for (const [member, filter] of [
    ['telemetryTopic', telemetry],
    ['attributesTopic', attributes],
  ] as const) {
    if (filtersOverlap(filter, ATTRIBUTE_REQUESTS)) {
      warning(member, 'swallows-requests', 'matches attribute requests too: devices will get no answer to them');
    }
    if (PROVISION_TOPICS.some((topic) => filter === topic)) {
      error(member, 'invalid-topic-filter', 'is the topic of provisioning');
    }
  }
}

/** ThingsBoard's rule for names: 255 characters, no markup, no template, no NUL (thingsboard-device-api 7.1). */
function nameProblem(text: string): string | undefined {
  if (text.trim() === '') return 'is blank';
  if (text.trim() !== text) return 'begins or ends with white space';
  if (text.length > MAX_NAME) return `is longer than ${MAX_NAME} characters`;
  if (/[<>]|\{\{/.test(text)) return 'holds markup or a template';
  return /\p{Cc}/u.test(text) ? 'holds control characters' : undefined;
}
