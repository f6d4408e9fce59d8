import { describe, expect, it } from 'vitest';
import { parseProfile } from '../../src/profiles/parse.ts';
import type { Issue } from '../../src/schema/issue.ts';

type Changes = Readonly<Record<string, unknown>>;

/** The shape that ThingsBoard's web page exports (thingsboard-rule-chains 6). */
function exported(top: Changes = {}, transport: Changes = {}, provision: Changes = {}, data: Changes = {}) {
  return {
    name: 'inverter',
    description: '',
    image: null,
    type: 'DEFAULT',
    transportType: 'MQTT',
    provisionType: 'ALLOW_CREATE_NEW_DEVICES',
    defaultRuleChainId: null,
    defaultDashboardId: null,
    defaultQueueName: null,
    provisionDeviceKey: 'inverter-key',
    firmwareId: null,
    softwareId: null,
    defaultEdgeRuleChainId: null,
    default: false,
    profileData: {
      configuration: { type: 'DEFAULT' },
      transportConfiguration: {
        type: 'MQTT',
        deviceTelemetryTopic: 'inverters/+/telemetry',
        deviceAttributesTopic: '  ',
        deviceAttributesSubscribeTopic: 'v1/devices/me/attributes',
        transportPayloadTypeConfiguration: { transportPayloadType: 'JSON' },
        sparkplug: false,
        sparkplugAttributesMetricNames: ['Node Control/*'],
        sendAckOnValidationException: true,
        ...transport,
      },
      provisionConfiguration: {
        type: 'ALLOW_CREATE_NEW_DEVICES',
        provisionDeviceSecret: 'planted-secret',
        ...provision,
      },
      alarms: null,
      ...data,
    },
    ...top,
  };
}

function parse(value: unknown) {
  const issues: Omit<Issue, 'file'>[] = [];
  const parsed = parseProfile(value, (issue) => issues.push(issue));
  return {
    draft: parsed?.draft,
    issues: issues.map(({ at, rule, level }) => [level, rule, at]),
    text: JSON.stringify(issues),
  };
}

describe('ThingsBoard profiles', () => {
  it('an MQTT export is read: key, secret, strategy, topics, acknowledgement; blank topics are the standard ones', () => {
    const { draft, issues } = parse(exported());
    expect(issues).toEqual([]);
    expect(draft).toMatchObject({
      name: 'inverter',
      transport: 'mqtt',
      strategy: 'allow-create-new-devices',
      key: 'inverter-key',
      secret: 'planted-secret',
      telemetryTopic: 'inverters/+/telemetry',
      attributesTopic: undefined,
      sendAckOnValidationException: true,
      typeCast: false,
    });
  });

  it('a wrapped one of version control is read, and its findings point into the wrapper', () => {
    expect(parse({ entityType: 'DEVICE_PROFILE', entity: exported() }).draft?.name).toBe('inverter');
    expect(parse({ entity: exported({ name: 5 }) }).issues).toEqual([['error', 'wrong-type', '/entity/name']]);
  });

  it('transport DEFAULT has the standard topics, and DISABLED no secret', () => {
    const disabled = { type: 'DISABLED', provisionDeviceSecret: null };
    const top = { transportType: 'DEFAULT', provisionType: 'DISABLED', provisionDeviceKey: null };
    const { draft, issues } = parse(exported(top, { type: 'DEFAULT' }, disabled));
    expect(issues).toEqual([]);
    expect(draft).toMatchObject({
      transport: 'default',
      telemetryTopic: undefined,
      strategy: 'disabled',
      secret: undefined,
    });
  });

  it('transport COAP is taken, with its payloads one level deeper', () => {
    const payload = { transportPayloadType: 'PROTOBUF', deviceTelemetryProtoSchema: 'syntax = "proto3";' };
    const coapDeviceTypeConfiguration = { coapDeviceType: 'DEFAULT', transportPayloadTypeConfiguration: payload };
    const { draft, issues } = parse(exported({ transportType: 'COAP' }, { type: 'COAP', coapDeviceTypeConfiguration }));
    expect(issues).toEqual([]);
    expect(draft).toMatchObject({ transport: 'coap', telemetryTopic: undefined });
    expect(draft?.protobuf?.telemetry).toEqual({
      text: 'syntax = "proto3";',
      at: '/profileData/transportConfiguration/coapDeviceTypeConfiguration/transportPayloadTypeConfiguration/deviceTelemetryProtoSchema',
    });
    expect(parse(exported({ transportType: 'COAP' }, { type: 'COAP' })).draft?.protobuf).toBeUndefined();
  });

  it('a secret by reference is taken in place of the literal one', () => {
    expect(parse(exported({}, {}, { provisionDeviceSecret: { env: 'X' } })).draft?.secret).toEqual({ env: 'X' });
  });

  it.each<[string, Changes, Changes, Changes, string]>([
    [
      'a CoAP device of another type',
      { transportType: 'COAP' },
      { type: 'COAP', coapDeviceTypeConfiguration: { coapDeviceType: 'EFENTO' } },
      {},
      '/profileData/transportConfiguration/coapDeviceTypeConfiguration/coapDeviceType',
    ],
    ['LwM2M', { transportType: 'LWM2M' }, { type: 'LWM2M' }, {}, '/transportType'],
    [
      'an unknown payload type',
      {},
      { transportPayloadTypeConfiguration: { transportPayloadType: 'CBOR' } },
      {},
      '/profileData/transportConfiguration/transportPayloadTypeConfiguration/transportPayloadType',
    ],
    ['Sparkplug', {}, { sparkplug: true }, {}, '/profileData/transportConfiguration/sparkplug'],
    ['two strategies', { provisionType: 'DISABLED' }, {}, {}, '/profileData/provisionConfiguration/type'],
    ['two transports', { transportType: 'DEFAULT' }, {}, {}, '/profileData/transportConfiguration/type'],
  ])('%s is refused by name', (_what, top, transport, provision, at) => {
    const { draft, issues } = parse(exported(top, transport, provision));
    expect(draft).toBeUndefined();
    expect(issues).toEqual([['error', 'not-supported', at]]);
  });

  it('X.509 chains keep certificate, pattern and permission where the export has them', () => {
    const provision = {
      type: 'X509_CERTIFICATE_CHAIN',
      provisionDeviceSecret: 'PEM',
      certificateRegExPattern: '(.*)\\.m$',
      allowCreateNewDevicesByX509Certificate: true,
    };
    const { draft } = parse(exported({ provisionType: 'X509_CERTIFICATE_CHAIN' }, {}, provision));
    expect(draft).toMatchObject({
      strategy: 'disabled',
      certificateChain: { certificate: 'PEM', commonName: '(.*)\\.m$', allowCreate: true },
    });
    expect(draft?.secret).toBeUndefined();
  });

  it('a chain of its own is kept by id; firmware and queues are warned of', () => {
    const id = { entityType: 'RULE_CHAIN', id: 'x' };
    const top = { defaultRuleChainId: id, firmwareId: id, softwareId: id, defaultQueueName: 'HighPriority' };
    const { draft, issues } = parse(exported(top, {}, {}, {}));
    expect(draft?.ruleChain).toBe('x');
    expect(issues.map(([level, rule]) => `${level} ${rule}`)).toEqual(Array(3).fill('warning not-supported'));
  });

  it('wrong types are refused without quoting the secret', () => {
    const { issues, text } = parse(
      exported({ transportType: 'MQTTT' }, {}, { provisionDeviceSecret: ['planted-secret'] }),
    );
    expect(issues.map(([, rule]) => rule)).toContain('unknown-word');
    expect(issues.map(([, rule]) => rule)).toContain('wrong-secret');
    expect(text).not.toContain('planted-secret');
  });
});
