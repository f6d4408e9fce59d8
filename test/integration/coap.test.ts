import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { startBrokers } from '../helpers/brokers.ts';
import { CoapPeer, said } from '../helpers/coap-peer.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { api, attributes, deviceId, latest, newDevice, requestOf } from '../helpers/system.ts';

const REGISTER = [['Observe', Buffer.alloc(0)]] as const;
const CUPS = 'ES0021000012345678LB';

const open = (broker: Broker): Promise<CoapPeer> => CoapPeer.open(broker.ports.coap ?? 0);
const post = (peer: CoapPeer, path: string, payload: string) => peer.call({ method: 'POST', path, payload });

describe('CoAP', () => {
  it('the main job: provision, attach, stream; kill -9, start again, and everything is still there', async () => {
    await using broker = await startBroker();
    await using peer = await open(broker);
    const supplier = await api<{ secretKey: string }>(broker, '/api/gridmoor/suppliers', {
      method: 'POST',
      body: { name: 'Sol' },
    });
    const made = await post(peer, '/api/v1/provision', requestOf(broker, { deviceName: 'coap meter' }));
    const { credentialsValue: token } = JSON.parse(made.payload.toString()) as { credentialsValue: string };
    await using observer = await open(broker);
    await observer.call({ path: `/api/v1/${token}/attributes`, options: REGISTER });
    const claims = JSON.stringify({ Power_supplier_secret_key: supplier.secretKey, CUPS });
    expect((await post(peer, `/api/v1/${token}/attributes`, claims)).code).toBe('2.01');
    const told = await observer.next();
    await observer.acknowledge(told);
    expect(told.payload.toString()).toContain('attached');
    expect((await post(peer, `/api/v1/${token}/telemetry`, '{"power_w":431.5}')).code).toBe('2.01');
    await broker.restart('SIGKILL');
    expect(await latest(broker, 'coap meter')).toEqual({ power_w: '431.5' });
    expect(await attributes(broker, 'coap meter', 'SHARED_SCOPE')).toMatchObject({ onboarding: expect.anything() });
    await using again = await open(broker);
    expect((await post(again, `/api/v1/${token}/telemetry`, '{"power_w":432}')).code).toBe('2.01');
    const leaks = broker.stdout.filter((line) => line.includes(token) || line.includes(supplier.secretKey));
    expect(leaks).toEqual([]);
  });

  it('COAP_ENABLED=false leaves it out; a taken port ends the start and is named', async () => {
    await using first = await startBroker();
    const port = String(first.ports.coap);
    await expect(startBroker({ env: { COAP_BIND_PORT: port } })).rejects.toThrow(
      `cannot listen on CoAP 127.0.0.1:${port}: EADDRINUSE`,
    );
    await using off = await startBroker({ env: { COAP_BIND_PORT: port, COAP_ENABLED: 'false' } });
    expect(off.ports.coap).toBeUndefined();
    expect(await (await fetch(`${off.url}/metrics`)).text()).not.toContain('gridmoor_coap_');
    expect(await (await fetch(`${first.url}/metrics`)).text()).toMatch(/^gridmoor_coap_requests_total 0$/m);
  });

  it('an observer hears of what another broker changes, and answers calls made there', async () => {
    await using brokers = await startBrokers(2);
    const [one, two] = brokers.all as [Broker, Broker];
    const token = await newDevice(one, 'far');
    await using peer = await open(one);
    expect((await peer.call({ path: `/api/v1/${token}/attributes`, options: REGISTER })).code).toBe('2.05');
    expect((await peer.call({ path: `/api/v1/${token}/rpc`, options: REGISTER })).code).toBe('2.03');
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(two, 'far')}/SHARED_SCOPE`;
    await api(two, path, { method: 'POST', body: { c: 1 } });
    const update = await peer.next();
    await peer.acknowledge(update);
    expect(said(update)).toEqual(['2.05', '{"c":1}']);
    const asked = api(two, `/api/rpc/twoway/${await deviceId(two, 'far')}`, {
      method: 'POST',
      body: { method: 'm', params: {}, timeout: 20_000 },
    });
    let call = await peer.next();
    while (call.messageId === update.messageId) call = await peer.next();
    await peer.acknowledge(call);
    const { id } = JSON.parse(call.payload.toString()) as { id: number };
    await using other = await open(one);
    expect((await post(other, `/api/v1/${token}/rpc/${id}`, '{"far":true}')).code).toBe('2.01');
    expect(await asked).toEqual({ far: true });
  });

  it('a login at another broker takes the session of an observer over', async () => {
    await using brokers = await startBrokers(2);
    const [one, two] = brokers.all as [Broker, Broker];
    const token = await newDevice(one, 'moved');
    await using peer = await open(one);
    expect((await peer.call({ path: `/api/v1/${token}/attributes`, options: REGISTER })).code).toBe('2.05');
    await using client = await MqttClient.connect({ port: two.ports.mqtt, userName: token });
    expect((await peer.next()).code).toBe('5.03');
    await client.subscribe('v1/devices/me/attributes');
    await using back = await open(one);
    expect((await back.call({ path: `/api/v1/${token}/attributes`, options: REGISTER })).code).toBe('2.05');
    await client.ended();
  });

  it('of several workers the first one serves it, also after it has been started anew', {
    timeout: 120_000,
  }, async () => {
    const holder = createSocket('udp4').bind(0, '127.0.0.1');
    await once(holder, 'listening');
    const env = { COAP_BIND_PORT: String(holder.address().port) };
    holder.close();
    await once(holder, 'close');
    await using brokers = await startBrokers(1, { args: ['--workers', '2'], env, deadlineMs: 40_000 });
    const [broker] = brokers.all as [Broker];
    const token = await newDevice(broker, 'worked');
    const path = `/api/v1/${token}/telemetry`;
    await using peer = await open(broker);
    expect((await post(peer, path, '{"a":1}')).code).toBe('2.01');
    const children = readFileSync(`/proc/${broker.pid}/task/${broker.pid}/children`, 'utf8').trim().split(' ');
    const first = children.find((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('WORKER_NUMBER=1\0'));
    process.kill(Number(first), 'SIGKILL');
    await expect.poll(() => broker.logs().some(({ event }) => event === 'worker.back'), { timeout: 60_000 }).toBe(true);
    await using again = await open(broker);
    expect((await post(again, path, '{"a":2}')).code).toBe('2.01');
  });
});
