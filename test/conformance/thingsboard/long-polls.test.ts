import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../../helpers/broker.ts';
import { MqttClient } from '../../helpers/mqtt-client.ts';
import { api, deviceId, latest, newDevice } from '../../helpers/system.ts';

describe('thingsboard-device-api 12: HTTP long polls and tokens', () => {
  let broker: Broker;
  const updates = (token: string, timeout: number | string) =>
    fetch(`${broker.url}/api/v1/${token}/attributes/updates?timeout=${timeout}`);
  const shared = async (name: string, body: unknown) =>
    api(broker, `/api/plugins/telemetry/DEVICE/${await deviceId(broker, name)}/SHARED_SCOPE`, { method: 'POST', body });
  /** Sets a new value until the poll is answered: a poll is known to wait only by its answer. */
  const answered = async (name: string, poll: Promise<Response>, act: (turn: number) => Promise<unknown>) => {
    let response: Response | undefined;
    void poll.then((one) => {
      response = one;
    });
    let turn = 0;
    await expect
      .poll(async () => {
        if (!response) await act(turn++);
        return response !== undefined;
      })
      .toBe(true);
    if (!response) throw new Error(name);
    return response;
  };

  beforeAll(async () => {
    broker = await startBroker({ env: { HTTP_MAX_LONG_POLLS: '3', HTTP_MAX_LONG_POLLS_PER_DEVICE: '2' } });
  });
  afterAll(async () => {
    await broker[Symbol.asyncDispose]();
  });

  it('77: without a change 408 after the timeout; with one 200 with the update', async () => {
    const token = await newDevice(broker, 'p77');
    const started = Date.now();
    expect((await updates(token, 1_000)).status).toBe(408);
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
    const response = await answered('p77', updates(token, 20_000), (turn) => shared('p77', { c: turn }));
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ c: expect.any(Number) });
  });

  it('6.1: a removed shared attribute is an update too, a server attribute is none', async () => {
    const token = await newDevice(broker, 'removed');
    const path = `/api/plugins/telemetry/DEVICE/${await deviceId(broker, 'removed')}`;
    const response = await answered('removed', updates(token, 20_000), async () => {
      await api(broker, `${path}/SERVER_SCOPE`, { method: 'POST', body: { s: 1 } });
      await api(broker, `${path}/SERVER_SCOPE?keys=s`, { method: 'DELETE' });
      await api(broker, `${path}/SHARED_SCOPE`, { method: 'POST', body: { gone: 1 } });
    });
    expect(await response.json()).toEqual({ gone: 1 });
    const removed = await answered('removed', updates(token, 20_000), async () => {
      await api(broker, `${path}/SHARED_SCOPE?keys=gone`, { method: 'DELETE' });
      await api(broker, `${path}/SERVER_SCOPE`, { method: 'POST', body: { s: 1 } });
      await api(broker, `${path}/SHARED_SCOPE`, { method: 'POST', body: { gone: 1 } });
    });
    expect([{ deleted: ['gone'] }, { gone: 1 }]).toContainEqual(await removed.json());
  });

  it('6.1: a device that is deleted while it waits gets 403', async () => {
    const token = await newDevice(broker, 'deleted');
    const id = await deviceId(broker, 'deleted');
    const poll = updates(token, 20_000);
    // The second poll of two is refused only once the first ones wait.
    const waiting = updates(token, 20_000);
    await expect.poll(async () => (await updates(token, 1)).status).toBe(500);
    await api(broker, `/api/device/${id}`, { method: 'DELETE' });
    for (const response of await Promise.all([poll, waiting])) {
      expect([response.status, await response.text()]).toEqual([403, 'Device was deleted!']);
    }
  });

  it('a device may have so many polls waiting and no more; one that gives up makes room', async () => {
    const token = await newDevice(broker, 'many');
    const gone = new AbortController();
    const url = `${broker.url}/api/v1/${token}/attributes/updates?timeout=20000`;
    const first = fetch(url, { signal: gone.signal }).catch(() => 'gave up');
    const second = updates(token, 20_000);
    await expect.poll(async () => (await updates(token, 1)).status).toBe(500);
    gone.abort();
    expect(await first).toBe('gave up');
    await expect.poll(async () => (await updates(token, 1)).status).toBe(408);
    await shared('many', { end: 1 });
    expect((await second).status).toBe(200);
  });

  it('a timeout that is no number is the default one, and a stop of the broker ends the wait at once', async () => {
    await using own = await startBroker();
    const token = await newDevice(own, 'stopped');
    const path = `${own.url}/api/v1/${token}/attributes/updates`;
    const polls = Array.from({ length: 4 }, () => fetch(`${path}?timeout=soon`));
    await expect.poll(async () => (await fetch(`${path}?timeout=1`)).status).toBe(500);
    const started = Date.now();
    expect(await own.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(Date.now() - started).toBeLessThan(4_000);
    for (const response of await Promise.all(polls)) expect(response.status).toBe(408);
  });

  it('the token may be in the header X-Access-Token, with me in the path', async () => {
    const token = await newDevice(broker, 'header');
    const send = (given: string) =>
      fetch(`${broker.url}/api/v1/me/telemetry`, {
        method: 'POST',
        body: '{"t":7}',
        headers: { 'X-Access-Token': given },
      });
    expect((await send(token)).status).toBe(200);
    expect((await latest(broker, 'header')).t).toBe('7');
    expect((await send('wrong')).status).toBe(401);
    expect((await fetch(`${broker.url}/api/v1/me/telemetry`, { method: 'POST', body: '{}' })).status).toBe(401);
    const inPath = await fetch(`${broker.url}/api/v1/${token}/telemetry`, {
      method: 'POST',
      body: '{}',
      headers: { 'X-Access-Token': 'of no account here' },
    });
    expect(inPath.status).toBe(200);
  });

  it('an update reaches the MQTT session and the poll of a device alike', async () => {
    const token = await newDevice(broker, 'both');
    await using client = await MqttClient.connect({ port: broker.ports.mqtt, userName: token });
    await client.subscribe('v1/devices/me/attributes');
    const response = await answered('both', updates(token, 20_000), (turn) => shared('both', { c: turn }));
    expect(response.status).toBe(200);
    expect(await client.message()).toBe('v1/devices/me/attributes {"c":0}');
  });
});
