import { ExactNumber, type JsonValue } from '../model/json.ts';
import { alarmRules } from '../rules/alarms/index.ts';
import { resolveSecretRef, type SecretRef } from '../schema/secret-ref.ts';
import { compileUserSchema, type UserCheck } from '../schema/user-schema.ts';
import { resolveCertificateChain } from './certificate-chain.ts';
import type { DeviceProfile, ProvisionSecret } from './device-profile.ts';
import { STANDARD_ATTRIBUTES, STANDARD_TELEMETRY } from './lint.ts';
import type { Parsed, Report } from './profile-draft.ts';
import { resolveProtobuf } from './protobuf.ts';
import { resolveProvisionRules } from './provision-rules.ts';
import { POLICIES, resolveThing } from './thing.ts';
import { compileModel } from './thing-model.ts';
import { compileTopicFilter, type TopicFilter } from './topic-filter.ts';
import { resolveX509 } from './x509.ts';

export interface ResolveOptions {
  /** Path of the profile's file: references to files start there. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name of the chain that a profile names; absent: chains are not looked at, and the name is taken as it is. */
  chainName?(ref: string): string | undefined;
}

/** The profile in force of a linted draft; undefined after reported errors. */
export function resolveProfile(
  { draft, places }: Parsed,
  options: ResolveOptions,
  report: Report,
): DeviceProfile | undefined {
  let failed = false;
  const error = (at: string, rule: string, problem: string): void => {
    failed = true;
    report({ at, rule, level: 'error', problem });
  };
  const compile = (member: 'telemetrySchema' | 'attributesSchema'): UserCheck | undefined => {
    if (draft[member] === undefined) return undefined;
    const compiled = compileUserSchema(draft[member]);
    if (compiled.ok) return compiled.check;
    error(places[member] + compiled.at, compiled.rule, compiled.problem);
    return undefined;
  };
  const telemetry = compile('telemetrySchema');
  const attributes = compile('attributesSchema');
  const model = draft.model && compileModel(draft.model, (at, ...rest) => error(places.model + at, ...rest));
  if (draft.model?.services && !draft.thing) {
    const problem = 'is of EnOS and Alibaba devices: calls of this profile are not checked';
    report({ at: `${places.model}/services`, rule: 'ignored-field', level: 'warning', problem });
  }
  const protobuf = draft.protobuf ? resolveProtobuf(draft.protobuf, error) : undefined;
  const secret =
    draft.strategy === 'disabled' || draft.thing
      ? undefined
      : resolveSecret(draft.secret, options, (problem) => error(places.secret, 'missing-secret', problem));
  if (secret?.kind === 'known' && secret.secret.reveal().length < 8) {
    const problem = 'the provision secret is shorter than 8 characters: it can be guessed';
    report({ at: places.secret, rule: 'weak-secret', level: 'warning', problem });
  }
  const chain = draft.certificateChain && resolveCertificateChain(draft.certificateChain);
  if (chain?.ok === false) error(places.certificateChain, 'wrong-certificate-chain', chain.problem);
  const thing = draft.thing && resolveThing(draft.thing, options, report);
  const x509 = draft.x509 && resolveX509(draft.x509, options, report);
  const rules = resolveProvisionRules(draft.rules, draft.thing === undefined, options, report);
  if (failed || !rules || (draft.thing && !thing) || (draft.x509 && !x509)) return undefined;
  return {
    name: draft.name,
    ...given('description', draft.description),
    provision: {
      strategy: draft.strategy,
      onExisting: draft.onExisting ?? POLICIES[thing?.dialect ?? 'native'][0],
      rules,
      ...given('key', draft.key),
      ...given('secret', secret),
      ...given('quota', draft.quota),
      ...given('rate', draft.rate),
    },
    ...given('thing', thing),
    listeners: draft.listeners,
    ...(chain?.ok ? { certificateChain: chain.chain } : {}),
    ...given('x509', x509),
    transport: draft.transport,
    topics: {
      ...given('telemetry', customFilter(draft.telemetryTopic, STANDARD_TELEMETRY)),
      ...given('attributes', customFilter(draft.attributesTopic, STANDARD_ATTRIBUTES)),
      ...given('attributesSubscribe', customFilter(draft.attributesSubscribeTopic, STANDARD_ATTRIBUTES)),
    },
    ...given('protobuf', protobuf),
    sendAckOnValidationException: draft.sendAckOnValidationException,
    typeCast: draft.typeCast,
    ...(telemetry ? { checkTelemetry: (payload: JsonValue) => checkSamples(payload, telemetry) } : {}),
    ...(attributes ? { checkAttributes: (payload: JsonValue) => attributes(plain(payload)) } : {}),
    ...given('model', model),
    retention: {
      ...given('historyMs', draft.history === undefined ? undefined : durationMs(draft.history)),
      ...given('retiredMs', draft.keepRetired === undefined ? undefined : durationMs(draft.keepRetired)),
    },
    limits: {
      ...given('messages', draft.messages),
      ...given('telemetryMessages', draft.telemetryMessages),
      ...given('telemetryDataPoints', draft.telemetryDataPoints),
      ...given('connects', draft.connects),
    },
    ...(draft.alarms.length > 0 ? { alarmRules: alarmRules(draft.alarms) } : {}),
    exportedAlarms: draft.exportedAlarms,
    ...given('ruleChain', chainOf(draft.ruleChain, places.ruleChain, options, report)),
    secretKeys: draft.secretKeys,
  };
}

function given<K extends string, T>(key: K, value: T | undefined): { readonly [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: T });
}

function customFilter(text: string | undefined, standard: string): TopicFilter | undefined {
  return text === undefined || text === standard ? undefined : compileTopicFilter(text);
}

function resolveSecret(
  ref: SecretRef | undefined,
  options: ResolveOptions,
  fail: (problem: string) => void,
): ProvisionSecret | undefined {
  if (ref === undefined) return { kind: 'pending', variable: undefined };
  const resolved = resolveSecretRef(ref, options);
  if (resolved.kind === 'known') return resolved;
  if (resolved.kind === 'unset') return { kind: 'pending', variable: resolved.variable };
  fail(resolved.problem);
  return undefined;
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * (UNITS[text.slice(-1)] ?? 0);
}

/** The schema speaks of a sample's values, whichever of the three telemetry shapes they came in (thingsboard-device-api 3.2). */
function checkSamples(payload: JsonValue, check: UserCheck): string | undefined {
  if (Array.isArray(payload)) {
    for (const [index, sample] of payload.entries()) {
      const fault = check(plain(valuesOf(sample)));
      if (fault !== undefined) return `sample ${index}: ${fault}`;
    }
    return undefined;
  }
  return check(plain(valuesOf(payload)));
}

function valuesOf(sample: JsonValue): JsonValue {
  const stamped =
    sample !== null && typeof sample === 'object' && !Array.isArray(sample) && !(sample instanceof ExactNumber);
  return stamped && Object.hasOwn(sample, 'ts') && Object.hasOwn(sample, 'values') ? (sample.values ?? null) : sample;
}

/** Numbers that keep their text are numbers to a schema. */
function plain(value: JsonValue): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof ExactNumber) return Number(value.text);
  if (Array.isArray(value)) return value.map(plain);
  const copy: Record<string, unknown> = Object.create(null);
  for (const [key, member] of Object.entries(value)) copy[key] = plain(member);
  return copy;
}

/** A chain that is not there is no error: messages start in the root chain, as in ThingsBoard after an import. */
function chainOf(
  ref: string | undefined,
  at: string,
  { chainName }: ResolveOptions,
  report: Report,
): string | undefined {
  if (ref === undefined || chainName === undefined) return ref;
  const name = chainName(ref);
  if (name === undefined) {
    const problem = `there is no rule chain ${JSON.stringify(ref)}: messages start in the root chain`;
    report({ at, rule: 'unknown-chain', level: 'warning', problem });
  }
  return name;
}
