import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ParsedPacket } from 'coap-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { blockOf, blockValue, CoapPeer, optionOf, said } from '../../helpers/coap-peer.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, newDevice } from '../../helpers/system.ts';

/** Calls of devices: getTime is answered, everything else is not. */
const CHAIN = {
  name: 'root',
  root: true,
  first: 'by-type',
  nodes: {
    'by-type': { kind: 'filter/msg-type-switch', to: { 'RPC Request from Device': 'time?', Other: 'save' } },
    'time?': {
      kind: 'filter/conditions',
      config: { conditions: { all: [{ fact: 'msg', path: '$.method', operator: 'equal', value: 'getTime' }] } },
      to: { True: 'reply' },
    },
    reply: { kind: 'rpc/reply' },
    save: { kind: 'action/save-telemetry' },
  },
};
const REGISTER = [['Observe', Buffer.alloc(0)]] as const;
const DEREGISTER = [['Observe', Buffer.from([1])]] as const;

const sequenceOf = (packet: ParsedPacket): number | undefined => {
  const value = optionOf(packet, 'Observe');
  return value && (value.length === 0 ? 0 : value.readUIntBE(0, value.length));
};
/** RFC 7641 3.4: a client takes what is not newer than its last one for late, and drops it. */
const isNewer = (packet: ParsedPacket, than: ParsedPacket): boolean => {
  const ahead = (Number(sequenceOf(packet)) - Number(sequenceOf(than)) + 2 ** 24) % 2 ** 24;
  return ahead > 0 && ahead < 2 ** 23;
};

describe('thingsboard-device-api 6.2: CoAP, observed', () => {
  let broker: Broker;
  let dir: string;
  const peers: CoapPeer[] = [];

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gridmoor-coap-'));
    const chainsDir = join(dir, 'chains');
    await mkdir(chainsDir);
    await writeFile(join(chainsDir, 'root.json'), JSON.stringify(CHAIN));
    broker = await startBroker({
      chainsDir,
      env: { GRIDMOOR_RPC_MIN_TIMEOUT_MS: '100', GRIDMOOR_RPC_CLIENT_TIMEOUT_MS: '400', COAP_MAX_OBSERVERS: '100' },
    });
  });
  afterAll(async () => {
    for (const peer of peers) await peer[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const open = async (): Promise<CoapPeer> => {
    const peer = await CoapPeer.open(broker.ports.coap ?? 0);
    peers.push(peer);
    return peer;
  };
  const attributesPath = async (name: string) => `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}`;
  const shared = async (name: string, body: unknown) =>
    api(broker, `${await attributesPath(name)}/SHARED_SCOPE`, { method: 'POST', body });
  const active = async (name: string): Promise<unknown> => {
    const path = `${await attributesPath(name)}/values/attributes/SERVER_SCOPE`;
    const found = await api<{ key: string; value: unknown }[]>(broker, path);
    return found.find(({ key }) => key === 'lastDisconnectTime')?.value;
  };
  const call = async (name: string, body: unknown, way = 'twoway') => {
    const response = await fetch(`${broker.url}/api/rpc/${way}/${await deviceId(broker, name)}`, {
      method: 'POST',
      headers: { 'X-Authorization': `ApiKey ${broker.adminKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };
  /** A device that observes; gives what it was answered first. */
  async function observing(
    name: string,
    what: 'attributes' | 'rpc',
    more: Partial<Parameters<CoapPeer['ask']>[0]> = {},
  ) {
    const token = await newDevice(broker, name);
    const peer = await open();
    const first = await peer.call({ path: `/api/v1/${token}/${what}`, options: REGISTER, ...more });
    return { token, peer, first };
  }
  /** The next notification that is new, acknowledged; repeats that crossed an acknowledgement are passed over. */
  async function notification(peer: CoapPeer, former?: ParsedPacket): Promise<ParsedPacket> {
    for (;;) {
      const packet = await peer.next();
      await peer.acknowledge(packet);
      if (packet.messageId !== former?.messageId) return packet;
    }
  }

  it('6.2: the first notification has all shared attributes, the next ones what changed or was deleted', async () => {
    const token = await newDevice(broker, 'a1');
    await shared('a1', { c: 5, d: 'on' });
    const peer = await open();
    await peer.call({ method: 'POST', path: `/api/v1/${token}/attributes`, payload: '{"client":1}' });
    const first = await peer.call({
      path: `/api/v1/${token}/attributes`,
      options: REGISTER,
      token: Buffer.from('obs'),
    });
    expect([...said(first), first.ack]).toEqual(['2.05', '{"c":5,"d":"on"}', true]);
    await shared('a1', { c: 6 });
    const changed = await notification(peer);
    expect([...said(changed), changed.confirmable, changed.token.toString()]).toEqual(['2.05', '{"c":6}', true, 'obs']);
    await api(broker, `${await attributesPath('a1')}/SHARED_SCOPE?keys=c`, { method: 'DELETE' });
    const removed = await notification(peer, changed);
    expect(said(removed)).toEqual(['2.05', '{"deleted":["c"]}']);
    expect([isNewer(changed, first), isNewer(removed, changed)]).toEqual([true, true]);
  });

  it('6.2: without shared attributes the first notification is {}', async () => {
    expect(said((await observing('a2', 'attributes')).first)).toEqual(['2.05', '{}']);
  });

  it('6.2: Observe 1 is 2.02, and nothing comes any more', async () => {
    const { token, peer } = await observing('a3', 'attributes');
    const ended = await peer.call({ path: `/api/v1/${token}/attributes`, options: DEREGISTER });
    expect([...said(ended), sequenceOf(ended)]).toEqual(['2.02', '', undefined]);
    await shared('a3', { c: 1 });
    expect((await peer.call({ path: `/api/v1/${token}/attributes` })).payload.toString()).toContain('"c":1');
    expect(peer.unread).toBe(0);
    expect((await peer.call({ path: `/api/v1/${token}/rpc`, options: DEREGISTER })).code).toBe('2.02');
  });

  it('6.2: calls are 2.03 at first, then come with their id; the answer reaches the caller', async () => {
    const { token, peer, first } = await observing('r1', 'rpc');
    expect([...said(first), sequenceOf(first) === undefined]).toEqual(['2.03', '', false]);
    const answered = call('r1', { method: 'setGpio', params: { pin: 7 }, timeout: 10_000 });
    const came = await notification(peer);
    const body = JSON.parse(came.payload.toString()) as { id: number };
    expect([came.code, body]).toEqual(['2.05', { id: expect.any(Number), method: 'setGpio', params: { pin: 7 } }]);
    const path = `/api/v1/${token}/rpc/${body.id}`;
    expect((await peer.call({ method: 'POST', path, payload: '"no object"' })).code).toBe('4.00');
    expect((await peer.call({ method: 'POST', path, payload: '' })).code).toBe('4.00');
    expect((await peer.call({ method: 'POST', path, payload: '{"ok":true}' })).code).toBe('2.01');
    expect(await answered).toEqual({ status: 200, text: '{"ok":true}' });
    expect((await peer.call({ method: 'POST', path: `/api/v1/${token}/rpc/x`, payload: '{}' })).code).toBe('4.00');
    expect((await peer.call({ path: `/api/v1/${token}/rpc` })).code).toBe('4.00');
  });

  it('6.2: calls that waited for the device follow the registration', async () => {
    const token = await newDevice(broker, 'r2');
    const calls = [1, 2].map((n) => call('r2', { method: `m${n}`, params: n, timeout: 10_000 }, 'oneway'));
    const peer = await open();
    expect((await peer.call({ path: `/api/v1/${token}/rpc`, options: REGISTER })).code).toBe('2.03');
    const one = await notification(peer);
    const two = await notification(peer, one);
    const methods = [one, two].map(({ payload }) => (JSON.parse(payload.toString()) as { method: string }).method);
    expect(methods.sort()).toEqual(['m1', 'm2']);
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('6.2: a call of the device is 2.05 with the answer of the chain, or with the timeout', async () => {
    const token = await newDevice(broker, 'r3');
    const peer = await open();
    const ask = async (payload: string) =>
      said(await peer.call({ method: 'POST', path: `/api/v1/${token}/rpc`, payload }));
    expect(await ask('{"method":"getTime","params":{"a":1}}')).toEqual(['2.05', expect.stringContaining('getTime')]);
    expect(await ask('{"method":"nobody knows"}')).toEqual(['2.05', '{"error":"timeout"}']);
    expect((await ask('{"params":{}}'))[0]).toBe('4.00');
    expect((await ask('[]'))[0]).toBe('4.00');
  });

  it('a notification above one block is fetched block by block', async () => {
    const { token, peer } = await observing('n1', 'attributes');
    const text = 'z'.repeat(2_500);
    await shared('n1', { long: text });
    const first = await notification(peer);
    expect([first.payload.length, blockOf(first, 'Block2')]).toEqual([1_024, [0, true, 6]]);
    const parts = [first.payload.toString()];
    for (const number of [1, 2]) {
      const options = [['Block2', blockValue(number, false, 6)]] as const;
      const part = await peer.call({ path: `/api/v1/${token}/attributes`, options });
      expect([part.code, optionOf(part, 'ETag')]).toEqual(['2.05', optionOf(first, 'ETag')]);
      parts.push(part.payload.toString());
    }
    expect(parts.join('')).toBe(`{"long":"${text}"}`);
  });

  it('a reset ends the observation, and the session of the device', async () => {
    const { peer, token } = await observing('n2', 'attributes');
    await shared('n2', { c: 1 });
    await peer.reset(await peer.next());
    await expect.poll(() => active('n2')).toBeGreaterThan(0);
    await shared('n2', { c: 2 });
    expect((await peer.call({ path: `/api/v1/${token}/attributes` })).payload.toString()).toContain('"c":2');
  });

  it('a second registration of the same device takes the place of the first', async () => {
    const { token, peer } = await observing('n3', 'attributes');
    const other = await open();
    expect((await other.call({ path: `/api/v1/${token}/attributes`, options: REGISTER })).code).toBe('2.05');
    await shared('n3', { c: 1 });
    expect(said(await notification(other))).toEqual(['2.05', '{"c":1}']);
    expect((await peer.call({ path: `/api/v1/${token}/attributes?sharedKeys=c` })).code).toBe('2.05');
    expect(peer.unread).toBe(0);
  });

  it('what follows a new registration with the same token is newer than what came before, also after an end', async () => {
    const same = { token: Buffer.from('obs') };
    const { token, peer, first } = await observing('s2', 'attributes', same);
    const register = () => peer.call({ path: `/api/v1/${token}/attributes`, options: REGISTER, ...same });
    let last = first;
    for (let c = 0; c < 3; c++) {
      await shared('s2', { c });
      const next = await notification(peer, last);
      expect(isNewer(next, last)).toBe(true);
      last = next;
    }
    const again = await register();
    expect(isNewer(again, last)).toBe(true);
    await peer.call({ path: `/api/v1/${token}/attributes`, options: DEREGISTER, ...same });
    expect(isNewer(await register(), again)).toBe(true);
  });

  it('a login over MQTT takes the session over: the observer is told with an error', async () => {
    const { token, peer } = await observing('n4', 'attributes');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    const last = await peer.next();
    expect([last.code, last.confirmable, sequenceOf(last)]).toEqual(['5.03', false, undefined]);
    await client.subscribe('v1/devices/me/attributes');
    await shared('n4', { c: 1 });
    expect(await client.message()).toBe('v1/devices/me/attributes {"c":1}');
  });

  it('an observation takes the session of an MQTT connection over', async () => {
    const token = await newDevice(broker, 'n5');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, version: 5, userName: token });
    await client.alive(); // its session opens behind the CONNACK: an observation could come before it
    const peer = await open();
    expect((await peer.call({ path: `/api/v1/${token}/rpc`, options: REGISTER })).code).toBe('2.03');
    expect(await client.ended()).toBe(0x8e);
  });

  it('a device that is deleted hears 4.04, one whose token is changed 4.01', async () => {
    const deleted = await observing('n6', 'attributes');
    await api(broker, `/api/device/${await deviceId(broker, 'n6')}`, { method: 'DELETE' });
    expect((await deleted.peer.next()).code).toBe('4.04');
    const { peer, token } = await observing('n7', 'attributes');
    const credentials = await api(broker, `/api/device/${await deviceId(broker, 'n7')}/credentials`);
    const body = { ...credentials, credentialsId: 'another-token-0123456789' };
    await api(broker, '/api/device/credentials', { method: 'POST', body });
    expect((await peer.next()).code).toBe('4.01');
    expect((await peer.call({ path: `/api/v1/${token}/attributes`, options: REGISTER })).code).toBe('4.01');
  });

  it('a wrong token observes nothing', async () => {
    const peer = await open();
    const refused = await peer.call({ path: '/api/v1/nobody/attributes', options: REGISTER });
    expect([refused.code, sequenceOf(refused)]).toEqual(['4.01', undefined]);
  });

  it('observers beyond the limit are refused with 5.03, and who is silent makes room', async () => {
    await using small = await startBroker({ env: { COAP_MAX_OBSERVERS: '1', COAP_OBSERVER_CHECK_MS: '50' } });
    await using one = await CoapPeer.open(small.ports.coap ?? 0);
    await using two = await CoapPeer.open(small.ports.coap ?? 0);
    const [first, second] = [
      await newDevice(small, 'small 1', 'small-1-0123456789'),
      await newDevice(small, 'small 2', 'small-2-0123456789'),
    ];
    expect((await one.call({ path: `/api/v1/${first}/rpc`, options: REGISTER })).code).toBe('2.03');
    expect((await two.call({ path: `/api/v1/${second}/rpc`, options: REGISTER })).code).toBe('5.03');
    const ping = await one.next();
    expect([ping.code, ping.confirmable]).toEqual(['0.00', true]);
    await one.reset(ping);
    const again = await one.next();
    expect([again.code, again.messageId === ping.messageId]).toEqual(['0.00', false]);
    await one.call({ path: `/api/v1/${first}/rpc`, options: DEREGISTER });
    expect((await two.call({ path: `/api/v1/${second}/rpc`, options: REGISTER })).code).toBe('2.03');
  });

  it('observers are told when the broker stops', async () => {
    const own = await startBroker();
    const peer = await CoapPeer.open(own.ports.coap ?? 0);
    const token = await newDevice(own, 'stopping');
    await peer.call({ path: `/api/v1/${token}/rpc`, options: REGISTER });
    await own[Symbol.asyncDispose]();
    expect((await peer.next()).code).toBe('5.03');
    await peer[Symbol.asyncDispose]();
  });
});
