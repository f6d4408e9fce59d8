import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { CoapPeer, said } from '../../helpers/coap-peer.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, latest, newDevice } from '../../helpers/system.ts';

const provision = { strategy: 'allow-create-new-devices', secret: { env: 'PROVISION_SECRET_SMART_METER' } };
const message = (name: string, fields: string) => `syntax = "proto3"; message ${name} { ${fields} }`;
/** Exports of ThingsBoard beside native files. */
const PROFILES = {
  'smart-meter': { name: 'smart-meter', provision: { ...provision, key: 'smart-meter' } },
  mqtt: { name: 'mqtt', transport: 'mqtt', provision: { ...provision, key: 'mqtt' } },
  coap: { name: 'coap', transport: 'coap', provision: { ...provision, key: 'coap' } },
  tls: { name: 'tls', listeners: { requireTls: true }, provision: { ...provision, key: 'tls' } },
  limited: { name: 'limited', limits: { telemetryMessages: '2:3600' }, provision: { ...provision, key: 'limited' } },
  exported: {
    name: 'exported',
    transportType: 'COAP',
    provisionType: 'ALLOW_CREATE_NEW_DEVICES',
    provisionDeviceKey: 'exported',
    profileData: {
      transportConfiguration: {
        type: 'COAP',
        coapDeviceTypeConfiguration: {
          coapDeviceType: 'DEFAULT',
          transportPayloadTypeConfiguration: {
            transportPayloadType: 'PROTOBUF',
            deviceTelemetryProtoSchema: message('Telemetry', 'optional int64 t = 1;'),
            deviceAttributesProtoSchema: message('Attributes', 'optional string serial = 1;'),
            deviceRpcRequestProtoSchema: message(
              'Call',
              'optional string method = 1; optional int32 requestId = 2; optional string params = 3;',
            ),
            deviceRpcResponseProtoSchema: message('Answer', 'optional string payload = 1;'),
          },
        },
      },
      provisionConfiguration: {
        type: 'ALLOW_CREATE_NEW_DEVICES',
        provisionDeviceSecret: { env: 'PROVISION_SECRET_SMART_METER' },
      },
    },
  },
};
const REGISTER = [['Observe', Buffer.alloc(0)]] as const;
const textField = (number: number, text: string): Buffer =>
  Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text)]);

describe('thingsboard-device-api 6.2: CoAP and device profiles', () => {
  let broker: Broker;
  let peer: CoapPeer;
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-coap-'));
    const profilesDir = join(dir, 'profiles');
    await mkdir(profilesDir);
    for (const [name, profile] of Object.entries(PROFILES)) {
      await writeFile(join(profilesDir, `${name}.json`), JSON.stringify(profile));
    }
    broker = await startBroker({ profilesDir, env: { GRIDMOOR_FREE_REFUSALS: '1000' } });
    peer = await CoapPeer.open(broker.ports.coap ?? 0);
  });
  afterAll(async () => {
    await peer[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const made = async (name: string, profile: string): Promise<string> => {
    const body = JSON.stringify({
      deviceName: name,
      provisionDeviceKey: profile,
      provisionDeviceSecret: broker.provisionSecret,
      token: `token-of-${name}-0123456789`,
    });
    const answer = await peer.call({ method: 'POST', path: '/api/v1/provision', payload: body });
    expect(answer.code).toBe('2.01');
    return `token-of-${name}-0123456789`;
  };
  const telemetry = async (token: string, payload: string | Buffer = '{"t":1}') =>
    (await peer.call({ method: 'POST', path: `/api/v1/${token}/telemetry`, payload })).code;

  it('6.2: a device whose profile is for MQTT is refused with 5.00, one for CoAP let in', async () => {
    expect(await telemetry(await made('m', 'mqtt'))).toBe('5.00');
    expect(await telemetry(await made('c', 'coap'))).toBe('2.01');
    expect(await telemetry(await newDevice(broker, 'd'))).toBe('2.01');
  });

  it('1.2: a device whose profile is for CoAP is refused over MQTT as unavailable', async () => {
    const userName = await made('c-mqtt', 'coap');
    const client = { port: broker.ports.mqtt, userName };
    await expect(MqttClient.connect({ ...client, version: 4 })).rejects.toThrow('3');
    await expect(MqttClient.connect({ ...client, version: 5 })).rejects.toThrow('136');
  });

  it('a profile that wants TLS lets nobody in here', async () => {
    expect(await telemetry(await made('t', 'tls'))).toBe('4.01');
  });

  it('7.3: beyond the rate limit of the profile is 5.00', async () => {
    const token = await made('l', 'limited');
    expect([await telemetry(token), await telemetry(token), await telemetry(token)]).toEqual(['2.01', '2.01', '5.00']);
  });

  it('5.3: payloads of a protobuf profile are read and written by its schemas', async () => {
    const token = await made('p', 'exported');
    expect(await telemetry(token, Buffer.from([0x08, 42]))).toBe('2.01');
    expect(await latest(broker, 'p')).toEqual({ t: '42' });
    expect(await telemetry(token, '{"t":1}')).toBe('4.00');
    const attributes = `/api/v1/${token}/attributes`;
    const posted = await peer.call({ method: 'POST', path: attributes, payload: textField(1, 'A7') });
    expect(posted.code).toBe('2.01');
    const read = await peer.call({ path: attributes });
    expect([read.code, read.payload.includes('serial'), read.payload.includes('A7')]).toEqual(['2.05', true, true]);
    expect(read.payload.toString().startsWith('{')).toBe(false);
  });

  it('5.3: calls to a device of a protobuf profile are written by its schema', async () => {
    const token = await made('pc', 'exported');
    await using own = await CoapPeer.open(broker.ports.coap ?? 0);
    expect((await own.call({ path: `/api/v1/${token}/rpc`, options: REGISTER })).code).toBe('2.03');
    const asked = api(broker, `/api/rpc/twoway/${await deviceId(broker, 'pc')}`, {
      method: 'POST',
      body: { method: 'hello', params: 'you', timeout: 10_000 },
    });
    const call = await own.next();
    await own.acknowledge(call);
    expect(call.payload.includes(textField(1, 'hello'))).toBe(true);
    const id = call.payload.readUInt8(call.payload.indexOf(0x10) + 1);
    const payload = textField(1, 'fine');
    const path = `/api/v1/${token}/rpc/${call.payload.includes(0x10) ? id : 0}`;
    let answer = await own.call({ method: 'POST', path, payload });
    while (answer.code === '2.05') answer = await own.next(); // the call once more, before its acknowledgement came
    expect(said(answer)).toEqual(['2.01', '']);
    expect(await asked).toEqual({ payload: 'fine' });
  });
});
