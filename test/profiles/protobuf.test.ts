import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfiles } from '../../src/profiles/index.ts';

const TELEMETRY = 'syntax = "proto3";\nmessage T { double power = 1; }';
const ATTRIBUTES = 'syntax = "proto3";\nmessage A { string serial = 1; }';

const native = (payload: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  name: 'p',
  payload,
  ...more,
});

const exported = (payload: Record<string, unknown>, type = 'MQTT') => ({
  name: 'p',
  transportType: type,
  profileData: {
    transportConfiguration: {
      type,
      transportPayloadTypeConfiguration: { transportPayloadType: 'PROTOBUF', ...payload },
    },
  },
});

async function load(content: unknown) {
  const dir = mkdtempSync(join(tmpdir(), 'gm-protobuf-'));
  writeFileSync(join(dir, 'p.json'), JSON.stringify(content));
  return loadProfiles(dir, { env: {} });
}

async function protobufOf(content: unknown) {
  const loaded = await load(content);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  return loaded.profiles.byName('p');
}

async function issues(content: unknown) {
  const loaded = await load(content);
  if (loaded.ok) throw new Error('the profile was accepted');
  return loaded.issues.map(({ at, rule, problem }) => `${at} ${rule}: ${problem}`);
}

describe('profiles: protobuf', () => {
  it('the native form and the export give the same', async () => {
    const own = await protobufOf(
      native({
        type: 'protobuf',
        telemetry: TELEMETRY,
        attributes: ATTRIBUTES,
        compatibleWithJson: true,
        jsonOnDefaultDownlinkTopics: true,
      }),
    );
    const foreign = await protobufOf(
      exported({
        deviceTelemetryProtoSchema: TELEMETRY,
        deviceAttributesProtoSchema: ATTRIBUTES,
        enableCompatibilityWithJsonPayloadFormat: true,
        useJsonPayloadFormatForDefaultDownlinkTopics: true,
      }),
    );
    expect(own?.transport).toBe('mqtt');
    expect(own?.protobuf).toEqual(foreign?.protobuf);
    expect(own?.protobuf).toMatchObject({ compatibleWithJson: true, jsonOnDefaultDownlinkTopics: true });
    expect(own?.protobuf?.telemetry?.name).toBe('T');
    expect(own?.protobuf?.attributes?.fields.get(1)?.jsonName).toBe('serial');
  });

  it("schemas that are absent: none for telemetry and attributes, ThingsBoard's own for calls", async () => {
    const { protobuf } =
      (await protobufOf(exported({ deviceTelemetryProtoSchema: null, deviceRpcRequestProtoSchema: '' }))) ?? {};
    expect(protobuf?.telemetry).toBeUndefined();
    expect([...(protobuf?.rpcRequest.fields.values() ?? [])].map(({ name }) => name)).toEqual([
      'method',
      'requestId',
      'params',
    ]);
    expect([...(protobuf?.rpcResponse.fields.values() ?? [])].map(({ name }) => name)).toEqual(['payload']);
    expect(protobuf).toMatchObject({ compatibleWithJson: false, jsonOnDefaultDownlinkTopics: false });
  });

  it("ThingsBoard's second flag has no effect without the first", async () => {
    const profile = await protobufOf(exported({ useJsonPayloadFormatForDefaultDownlinkTopics: true }));
    expect(profile?.protobuf?.jsonOnDefaultDownlinkTopics).toBe(false);
  });

  it('without a payload type, or with JSON, there is no protobuf', async () => {
    expect((await protobufOf({ name: 'p' }))?.protobuf).toBeUndefined();
    expect((await protobufOf(native({ type: 'json' })))?.protobuf).toBeUndefined();
  });

  it.each([
    [
      native({ type: 'protobuf', telemetry: 'syntax = "proto3";\nmessage T {\n Foo x = 1;\n}' }),
      '/payload/telemetry invalid-proto-schema: line 3: there is no type Foo',
    ],
    [
      native({ type: 'protobuf', rpcResponse: 'message T {' }),
      '/payload/rpcResponse invalid-proto-schema: line 1: illegal end of the schema',
    ],
    [
      exported({ deviceAttributesProtoSchema: 'syntax = "proto2";' }),
      '/profileData/transportConfiguration/transportPayloadTypeConfiguration/deviceAttributesProtoSchema invalid-proto-schema: line 1: must begin with syntax = "proto3";',
    ],
    [
      native({ type: 'protobuf' }, { transport: 'default' }),
      '/payload/type ignored-field: protobuf works with transport "mqtt" or "coap" only',
    ],
    [native({ telemetry: TELEMETRY }), '/payload/telemetry ignored-field: is of protobuf'],
    [
      native({ type: 'protobuf', jsonOnDefaultDownlinkTopics: true }),
      '/payload/jsonOnDefaultDownlinkTopics ignored-field: has no effect',
    ],
  ])('%# is refused with place and reason', async (content, expected) => {
    expect(await issues(content)).toEqual([expected]);
  });
});
