import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addDevice, type DialectBroker, ENOS, enosProfile, startDialects } from '../conformance/dialects/kit.ts';
import { attributes, history, latest, rpc } from '../conformance/dialects/messages.ts';
import type { Broker } from '../helpers/broker.ts';
import { eventChain, eventsOf } from '../helpers/event-chain.ts';
import { api } from '../helpers/system.ts';
import { assignFirmware } from './firmware.ts';
import { VENDOR_CERT, VENDOR_KEY } from './https.ts';
import { Sdk } from './sdk.ts';

const OK = { code: 200 };
const AT = 1_700_000_000_000;
const MODEL = { version: '1.0', unknown: 'store', measurepoints: { power: { type: 'double', max: 1_000 } } };

/** enos-mqtt-sdk-python, as it is published. */
describe('Python SDK of EnOS', () => {
  let dialects: DialectBroker;
  let broker: Broker;
  let chain: Awaited<ReturnType<typeof eventChain>>;
  let sdk: Sdk;
  let count = 0;
  let device: string;

  beforeAll(async () => {
    chain = await eventChain('Other');
    dialects = await startDialects(
      [
        enosProfile('rod', {
          integration: { enabled: true },
          model: MODEL,
          downloads: { url: 'https://gridmoor.example' },
        }),
      ],
      {
        chainsDir: chain.chainsDir,
        env: { MQTT_SSL_PEM_CERT: VENDOR_CERT, MQTT_SSL_PEM_KEY: VENDOR_KEY },
      },
    );
    broker = dialects.broker;
  });
  afterAll(async () => {
    await dialects[Symbol.asyncDispose]();
    await chain[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    sdk = Sdk.start('enos');
    device = `rod-${++count}`;
    return () => sdk[Symbol.asyncDispose]();
  });

  const reported = async (id: string) => {
    const { fw_state, fw_progress, current_fw_version } = await latest(broker, id);
    return [fw_state, fw_progress, current_fw_version].map((point) => (point as unknown[] | undefined)?.[1]);
  };
  const connect = (names: Readonly<Record<string, unknown>>) => {
    const url = `ssl://localhost:${broker.ports.mqtts}`;
    return sdk.call('connect', { url, product: ENOS.productKey, device, ca: VENDOR_CERT, ...names });
  };
  const online = async (): Promise<string> => {
    const { id, deviceSecret } = await addDevice(broker, 'rod', device);
    await connect({ secret: deviceSecret });
    return id;
  };

  it('asset 14: logs in with the secret of the device, over TLS and without', async () => {
    await online();
    await sdk.call('disconnect');
    const { deviceSecret } = await addDevice(broker, 'rod', `${device}-plain`);
    const url = `tcp://127.0.0.1:${broker.ports.mqtt}`;
    await connect({ device: `${device}-plain`, url, secret: deviceSecret, ca: null });
    expect(await sdk.call('measurepoints', { values: { power: 1 } })).toMatchObject(OK);
  });

  it('asset 14: is not connected with a wrong secret', async () => {
    await addDevice(broker, 'rod', device);
    await expect(connect({ secret: 'wrong', deadline: 3 })).rejects.toThrow('not connected');
    expect(sdk.log.join('\n')).toContain('bad connection, error code: 4');
  });

  it('asset 14: is activated with the secret of the product, and logs in with what it got', async () => {
    await addDevice(broker, 'rod', device);
    await connect({ product_secret: ENOS.productSecret });
    const secret = await sdk.event<string>('activated');
    await sdk.call('disconnect');
    await connect({ secret });
    expect(await sdk.call('measurepoints', { values: { power: 1 } })).toMatchObject(OK);
  });

  it('asset 14: posts measurepoints, a batch of them, and late ones that overwrite nothing newer', async () => {
    const id = await online();
    expect(
      await sdk.call('measurepoints', { values: { power: 7.5, state: { value: 'on', quality: 3 } }, time: AT }),
    ).toMatchObject(OK);
    expect(await sdk.call('resume', { values: { power: 6 }, time: AT - 5_000 })).toMatchObject(OK);
    const of = { product: ENOS.productKey, device };
    const samples = [
      [{ energy: 1 }, AT],
      [{ energy: 2 }, AT + 1_000],
    ];
    expect(await sdk.call('batch', { samples, ...of })).toMatchObject(OK);
    expect(await latest(broker, id)).toEqual({
      power: [AT, 7.5],
      state: [AT, 'on'],
      state_quality: [AT, 3],
      energy: [AT + 1_000, 2],
    });
    expect(await history(broker, id, 'power', AT - 10_000, AT + 1)).toEqual([
      [AT, 7.5],
      [AT - 5_000, 6],
    ]);
  });

  it('asset 14: downloads its model, and is told of a value that does not fit it', async () => {
    await online();
    expect(await sdk.call('model')).toMatchObject({ ...OK, data: { version: '1.0' } });
    expect(await sdk.call('measurepoints', { values: { power: 'much' } })).toMatchObject({ code: 1220 });
  });

  it('asset 14: updates, queries and deletes attributes and tags', async () => {
    const id = await online();
    expect(await sdk.call('attributes', { values: { vendor: 'x', phases: 3 } })).toMatchObject(OK);
    expect(await sdk.call('tags', { values: { floor: '3' } })).toMatchObject(OK);
    expect(await attributes(broker, id, 'CLIENT')).toMatchObject({ vendor: 'x', phases: 3 });
    expect(await sdk.call('query_attributes', { keys: ['vendor'] })).toMatchObject({ ...OK, data: { vendor: 'x' } });
    expect(await sdk.call('query_tags', { keys: ['floor'] })).toMatchObject(OK);
    expect(await sdk.call('delete_attributes', { keys: ['phases'] })).toMatchObject(OK);
    expect(await sdk.call('delete_tags', { keys: ['floor'] })).toMatchObject(OK);
    expect(await attributes(broker, id, 'CLIENT')).not.toHaveProperty('phases');
  });

  it('asset 14: posts an event and raw bytes, which reach the chain', async () => {
    await online();
    expect(await sdk.call('post_event', { name: 'overheat', values: { temp: 120 } })).toMatchObject(OK);
    await sdk.call('raw_up', { text: 'bytes' });
    const raw = { raw: Buffer.from('bytes').toString('base64') };
    await expect
      .poll(() => eventsOf(broker, device))
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ msgType: 'EVENT_overheat', data: { temp: 120 } }),
          expect.objectContaining({ msgType: 'RAW_DATA', data: raw }),
        ]),
      );
  });

  it('asset 14: is called, set and sent bytes without a subscription; its answer and its error reach the caller', async () => {
    const id = await online();
    const answer = rpc(broker, id, { method: 'multiply', params: { left: 6, right: 7 } });
    expect(await sdk.event('called')).toEqual({ service: 'multiply', params: { left: 6, right: 7 } });
    expect(await answer).toEqual({ status: 200, body: { result: 42 } });
    const unknown = await rpc(broker, id, { method: 'divide', params: {} });
    expect(unknown.body).toEqual({ error: { code: 2000, message: 'unknown service' } });
    await api(broker, `/api/plugins/telemetry/DEVICE/${id}/SHARED_SCOPE`, { method: 'POST', body: { limit: 5 } });
    expect(await sdk.event('set')).toEqual({ limit: 5 });
    const params = Buffer.from('down').toString('base64');
    await rpc(broker, id, { method: 'thing.model.down_raw', params, oneway: true });
    expect(await sdk.event('raw')).toBe('down');
  });

  it('asset 14: reports its version, is told of another one, reports its progress and is UPDATED', async () => {
    const id = await online();
    const bytes = Buffer.from('firmware 1.1');
    expect(await sdk.call('version', { version: '1.0' })).toMatchObject(OK);
    await assignFirmware(broker, { device, title: 'rod-fw', version: '1.1', bytes, algorithm: 'SHA256' });
    const sign = createHash('sha256').update(bytes).digest('hex');
    expect(await sdk.event('upgrade')).toEqual({
      version: '1.1',
      sign_method: 'sha256',
      sign,
      file_url: expect.stringMatching(/^https:\/\/gridmoor\.example\/ota\//),
      file_size: bytes.length,
    });
    expect(await sdk.call('versions')).toMatchObject({ ...OK, data: [{ version: '1.1' }] });
    expect(await sdk.call('progress', { step: '35', desc: 'fetched' })).toMatchObject(OK);
    expect(await reported(id)).toEqual(['DOWNLOADING', 35, '1.0']);
    expect(await sdk.call('version', { version: '1.1' })).toMatchObject(OK);
    expect(await reported(id)).toEqual(['UPDATED', 100, '1.1']);
  });

  it('asset 14: a back end posts for devices over the integration channel', async () => {
    const { id } = await addDevice(broker, 'rod', device);
    await connect({ device: '%channel%', product_secret: ENOS.productSecret });
    expect(await sdk.call('int_measurepoints', { device, values: { power: 3 }, time: AT })).toMatchObject(OK);
    const event = { device, name: 'overheat', values: { temp: 1 }, time: AT };
    expect(await sdk.call('int_event', event)).toMatchObject(OK);
    expect(await latest(broker, id)).toEqual({ power: [AT, 3] });
    await expect.poll(() => eventsOf(broker, device)).toMatchObject([{ msgType: 'EVENT_overheat', data: { temp: 1 } }]);
  });
});
