import { compileSchema, type Violation } from '../schema/validate.ts';
import type { Parsed, Places, Report } from './profile-draft.ts';
import { type NativeProfile, profileSchema } from './profile-schema.ts';
import { looksLikeThingsBoard, parseThingsBoard } from './thingsboard.ts';

const checkNative = compileSchema<NativeProfile>(profileSchema());

const PLACES: Places = {
  name: '/name',
  description: '/description',
  transport: '/transport',
  strategy: '/provision/strategy',
  key: '/provision/key',
  secret: '/provision/secret',
  quota: '/provision/quota',
  rate: '/provision/rate',
  certificateChain: '/certificateChain',
  telemetryTopic: '/topics/telemetry',
  attributesTopic: '/topics/attributes',
  attributesSubscribeTopic: '/topics/attributesSubscribe',
  sendAckOnValidationException: '/sendAckOnValidationException',
  typeCast: '/typeCast',
  telemetrySchema: '/telemetrySchema',
  attributesSchema: '/attributesSchema',
  history: '/history',
  messages: '/limits/messages',
  telemetryMessages: '/limits/telemetryMessages',
  telemetryDataPoints: '/limits/telemetryDataPoints',
  secretKeys: '/secretKeys',
};

/** Reads a profile file of either form; undefined after reported errors. Past this, one form is left. */
export function parseProfile(value: unknown, report: Report): Parsed | undefined {
  return looksLikeThingsBoard(value) ? parseThingsBoard(value, report) : parseNative(value, report);
}

function parseNative(value: unknown, report: Report): Parsed | undefined {
  const checked = checkNative(value);
  if (!checked.ok) {
    for (const violation of checked.violations) reportViolation(violation, report);
    return undefined;
  }
  const file = checked.value;
  const { provision, topics, limits } = file;
  const transport = file.transport ?? (topics ? 'mqtt' : 'default');
  if (topics && transport === 'default') {
    const problem = 'own topics work with transport "mqtt" only';
    report({ at: '/topics', rule: 'ignored-field', level: 'error', problem, hint: 'set "transport": "mqtt"' });
  }
  return {
    places: PLACES,
    draft: {
      name: file.name,
      description: file.description,
      transport,
      strategy: provision?.strategy ?? 'disabled',
      key: provision?.key,
      secret: provision?.secret,
      quota: provision?.quota,
      rate: provision?.rate,
      certificateChain: file.certificateChain,
      telemetryTopic: topics?.telemetry,
      attributesTopic: topics?.attributes,
      attributesSubscribeTopic: topics?.attributesSubscribe,
      sendAckOnValidationException: file.sendAckOnValidationException,
      typeCast: file.typeCast,
      telemetrySchema: file.telemetrySchema,
      attributesSchema: file.attributesSchema,
      history: file.history,
      messages: limits?.messages,
      telemetryMessages: limits?.telemetryMessages,
      telemetryDataPoints: limits?.telemetryDataPoints,
      secretKeys: file.secretKeys,
    },
  };
}

/** The three forms of a secret give three violations each; one says it all. Never quotes what stands there. */
export function reportViolation({ at, rule, problem, hint }: Violation, report: Report): void {
  if (/(?:^\/provision\/secret|[sS]ecret)(?:\/|$)/.test(at) && !at.startsWith('/secretKeys')) {
    const form = 'must be {"env": "NAME"}, {"file": "path"} or a non-empty text';
    report({ at: at.replace(/(ecret)\/.*$/, '$1'), rule: 'wrong-secret', level: 'error', problem: form });
  } else report({ at, rule, level: 'error', problem, ...(hint ? { hint } : {}) });
}
