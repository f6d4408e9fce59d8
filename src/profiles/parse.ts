import { readCalculatedFields, readNativeAlarms } from '../rules/alarms/index.ts';
import { compileSchema, type Violation } from '../schema/validate.ts';
import { readAlarms } from './alarms.ts';
import type { Parsed, Places, Report } from './profile-draft.ts';
import { type NativeProfile, profileSchema } from './profile-schema.ts';
import type { ProtobufDraft } from './protobuf.ts';
import { readThing } from './thing.ts';
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
  onExisting: '/provision/onExisting',
  rules: '/provision',
  thing: '/dialect',
  listeners: '/listeners',
  connects: '/limits/connectPer2Min',
  certificateChain: '/certificateChain',
  x509: '/x509',
  telemetryTopic: '/topics/telemetry',
  attributesTopic: '/topics/attributes',
  attributesSubscribeTopic: '/topics/attributesSubscribe',
  sendAckOnValidationException: '/sendAckOnValidationException',
  protobuf: '/payload',
  typeCast: '/typeCast',
  telemetrySchema: '/telemetrySchema',
  attributesSchema: '/attributesSchema',
  model: '/model',
  history: '/history',
  keepRetired: '/keepRetired',
  messages: '/limits/messages',
  telemetryMessages: '/limits/telemetryMessages',
  telemetryDataPoints: '/limits/telemetryDataPoints',
  ruleChain: '/ruleChain',
  secretKeys: '/secretKeys',
  alarms: '/alarms',
  exportedAlarms: '',
};

/** Reads a profile file of either form; undefined after reported errors. Past this, one form is left. */
export function parseProfile(value: unknown, report: Report): Parsed | undefined {
  return looksLikeThingsBoard(value) ? parseThingsBoard(value, report) : parseNative(value, report);
}

/** EnOS blocks who connects more often (registration-protocols 1.1). */
const ENOS_CONNECTS = 4;

function parseNative(value: unknown, report: Report): Parsed | undefined {
  const checked = checkNative(value);
  if (!checked.ok) {
    for (const violation of checked.violations) reportViolation(violation, report);
    return undefined;
  }
  const file = checked.value;
  const { provision, topics, limits, payload } = file;
  const transport = file.transport ?? (topics || payload?.type === 'protobuf' ? 'mqtt' : 'default');
  if (topics && transport !== 'mqtt') {
    const problem = 'own topics work with transport "mqtt" only';
    report({ at: '/topics', rule: 'ignored-field', level: 'error', problem, hint: 'set "transport": "mqtt"' });
  }
  const thing = readThing(file, report);
  if (thing === undefined && file.dialect !== 'native') return undefined;
  const perTwoMinutes = limits?.connectPer2Min ?? (file.dialect === 'enos' ? ENOS_CONNECTS : undefined);
  const protobuf = payload === undefined ? undefined : protobufOf(payload, transport, report);
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
      onExisting: provision?.onExisting,
      rules: { ...provision, perMinutePerAddress: limits?.provisionPerMinutePerIp },
      thing,
      listeners: {
        requireTls: file.listeners?.requireTls ?? false,
        allowPlaintextProvisioning: file.listeners?.allowPlaintextProvisioning ?? false,
      },
      connects:
        perTwoMinutes === undefined
          ? undefined
          : { per2Min: perTwoMinutes, blockMs: (limits?.blockSeconds ?? 300) * 1_000 },
      certificateChain: file.certificateChain,
      x509: file.x509,
      telemetryTopic: topics?.telemetry,
      attributesTopic: topics?.attributes,
      attributesSubscribeTopic: topics?.attributesSubscribe,
      sendAckOnValidationException: file.sendAckOnValidationException,
      protobuf,
      typeCast: file.typeCast,
      telemetrySchema: file.telemetrySchema,
      attributesSchema: file.attributesSchema,
      model: file.model,
      history: file.history,
      keepRetired: file.keepRetired,
      messages: limits?.messages,
      telemetryMessages: limits?.telemetryMessages,
      telemetryDataPoints: limits?.telemetryDataPoints,
      ruleChain: file.ruleChain,
      secretKeys: file.secretKeys,
      exportedAlarms: [],
      alarms: readAlarms(
        [
          { value: file.alarms, at: '/alarms', read: readNativeAlarms },
          { value: file.calculatedFields, at: '/calculatedFields', read: (form) => readCalculatedFields(form) },
        ],
        report,
      ),
    },
  };
}

type Payload = NonNullable<NativeProfile['payload']>;

function protobufOf(payload: Payload, transport: string, report: Report): ProtobufDraft | undefined {
  const refuse = (at: string, problem: string, hint: string): void =>
    report({ at, rule: 'ignored-field', level: 'error', problem, hint });
  if (payload.type !== 'protobuf') {
    const given = Object.keys(payload).find((key) => /^(?:telemetry|attributes|rpc)/.test(key));
    if (given) refuse(`/payload/${given}`, 'is of protobuf', 'set "type": "protobuf"');
    return undefined;
  }
  if (transport === 'default')
    refuse('/payload/type', 'protobuf works with transport "mqtt" or "coap" only', 'set "transport": "mqtt"');
  const { compatibleWithJson = false, jsonOnDefaultDownlinkTopics = false } = payload;
  if (jsonOnDefaultDownlinkTopics && !compatibleWithJson) {
    refuse('/payload/jsonOnDefaultDownlinkTopics', 'has no effect', 'set "compatibleWithJson": true');
  }
  const schema = (key: 'telemetry' | 'attributes' | 'rpcRequest' | 'rpcResponse') => ({
    text: payload[key],
    at: `/payload/${key}`,
  });
  return {
    telemetry: schema('telemetry'),
    attributes: schema('attributes'),
    rpcRequest: schema('rpcRequest'),
    rpcResponse: schema('rpcResponse'),
    compatibleWithJson,
    jsonOnDefaultDownlinkTopics,
  };
}

const SECRETS =
  /^(?:\/provision(?:\/previousSecret|\/bootstrap)?\/secret|\/product\/secrets\/\d+\/secret|\/x509\/key)(?=\/|$)/;

/** The three forms of a secret give three violations each; one says it all. Never quotes what stands there. */
export function reportViolation({ at, rule, problem, hint }: Violation, report: Report): void {
  const [secret] = SECRETS.exec(at) ?? [];
  if (secret !== undefined) {
    const form = 'must be {"env": "NAME"}, {"file": "path"} or a non-empty text';
    report({ at: secret, rule: 'wrong-secret', level: 'error', problem: form });
  } else report({ at, rule, level: 'error', problem, ...(hint ? { hint } : {}) });
}
