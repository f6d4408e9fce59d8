import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { Device } from '../../../src/model/device.ts';
import type { AssetId } from '../../../src/model/ids.ts';
import { ADMIN_KEY, type Harness, startHarness } from '../harness.ts';

let harness: Harness;
let port: number;
beforeAll(async () => {
  harness = await startHarness({ free: 1_000, baseMs: 1, maxMs: 1 });
  port = (await harness.front.listen()).port;
});
afterAll(() => harness[Symbol.asyncDispose]());

interface Update {
  readonly subscriptionId: number;
  readonly errorCode: number;
  readonly errorMsg: string | null;
  readonly data: Readonly<Record<string, readonly (readonly [number, string | null])[]>>;
}

class Live {
  readonly #socket: WebSocket;
  readonly #messages: Update[] = [];
  readonly #waiting: ((update: Update) => void)[] = [];
  readonly closed: Promise<number>;

  constructor(path = '/api/ws', headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    this.closed = new Promise((resolve) => this.#socket.on('close', resolve));
    this.#socket.on('message', (data) => {
      const update = JSON.parse(String(data)) as Update;
      const waiting = this.#waiting.shift();
      if (waiting) waiting(update);
      else this.#messages.push(update);
    });
  }

  async send(message: unknown): Promise<void> {
    if (this.#socket.readyState === WebSocket.CONNECTING) await once(this.#socket, 'open');
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  next(): Promise<Update> {
    const first = this.#messages.shift();
    return first ? Promise.resolve(first) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): Promise<number> {
    this.#socket.close();
    return this.closed;
  }
}

let count = 0;
const newDevice = (): Promise<Device> => harness.device(`live-${++count}`);
const authCmd = { cmdId: 0, token: ADMIN_KEY };
const telemetry = (device: Device, cmdId: number, more = {}) => ({
  entityType: 'DEVICE',
  entityId: device.id,
  scope: 'LATEST_TELEMETRY',
  cmdId,
  type: 'TIMESERIES',
  ...more,
});
const save = (device: Device, ts: number, values: Record<string, number>) =>
  harness.core.storage.telemetry.save({ entityId: device.id, ts, values });

describe('/api/ws', () => {
  it('gives the latest values at once and each new one when it is stored', async () => {
    const device = await newDevice();
    await save(device, 1, { power: 7 });
    const live = new Live();
    await live.send({ authCmd, cmds: [telemetry(device, 10)] });
    expect(await live.next()).toEqual({
      subscriptionId: 10,
      errorCode: 0,
      errorMsg: null,
      data: { power: [[1, '7']] },
      latestValues: { power: 1 },
    });
    await save(device, 3, { power: 8, energy: 5 });
    await save(device, 2, { power: 0 });
    await save(device, 4, { power: 9 });
    expect((await live.next()).data).toEqual({ power: [[3, '8']], energy: [[3, '5']] });
    expect((await live.next()).data).toEqual({ power: [[4, '9']] });
    await live.close();
  });

  it('takes the old form of commands, some keys, several subscriptions, and ends one', async () => {
    const device = await newDevice();
    const live = new Live('/api/ws/plugins/telemetry', { 'x-authorization': `ApiKey ${ADMIN_KEY}` });
    await live.send({
      tsSubCmds: [telemetry(device, 1, { keys: 'a' }), telemetry(device, 2)],
      historyCmds: [],
      attrSubCmds: [],
    });
    expect([(await live.next()).subscriptionId, (await live.next()).subscriptionId]).toEqual([1, 2]);
    await save(device, 1, { a: 1, b: 2 });
    expect([await live.next(), await live.next()].map(({ data }) => Object.keys(data))).toEqual([['a'], ['a', 'b']]);
    await live.send({ tsSubCmds: [telemetry(device, 2, { unsubscribe: true }), telemetry(device, 3, { keys: 'z' })] });
    expect((await live.next()).subscriptionId).toBe(3);
    await save(device, 2, { a: 2 });
    expect((await live.next()).subscriptionId).toBe(1);
    await save(device, 3, { z: 3 });
    expect((await live.next()).subscriptionId).toBe(3);
    await live.close();
  });

  it('gives attributes of one scope or of all, and says when one is removed', async () => {
    const device = await newDevice();
    const { deviceApi } = harness.core;
    await deviceApi.saveAttributes(device.id, 'SHARED_SCOPE', { target: 1 });
    const live = new Live();
    const shared = { ...telemetry(device, 1, { type: 'ATTRIBUTES', scope: 'SHARED_SCOPE', keys: 'target' }) };
    await live.send({ authCmd, cmds: [shared] });
    expect((await live.next()).data).toEqual({ target: [[expect.any(Number), '1']] });
    await deviceApi.saveAttributes(device.id, 'SERVER_SCOPE', { target: 5 });
    await deviceApi.saveAttributes(device.id, 'SHARED_SCOPE', { target: 2, other: 3 });
    expect((await live.next()).data).toEqual({ target: [[expect.any(Number), '2']] });
    await deviceApi.deleteAttributes(device.id, 'SHARED_SCOPE', ['target']);
    expect((await live.next()).data).toEqual({ target: [[expect.any(Number), null]] });
    await live.close();
  });

  it('without a valid key or token is closed', async () => {
    const device = await newDevice();
    for (const message of [
      { cmds: [telemetry(device, 1)] },
      { authCmd: { cmdId: 0, token: 'wrong' } },
      'no JSON',
      '[]',
    ]) {
      const live = new Live();
      await live.send(message);
      expect([message, await live.closed]).toEqual([message, 1008]);
    }
  });

  it('answers what it does not offer with an error, and goes on', async () => {
    const device = await newDevice();
    const live = new Live();
    const wrong = [
      { cmdId: 1, type: 'ENTITY_DATA', query: {} },
      telemetry(device, 2, { entityType: 'ASSET' }),
      telemetry(device, 3, { timeWindow: 1_000 }),
    ];
    const nobody = { ...telemetry(device, 4), entityId: '00000000-0000-0000-0000-000000000000' };
    await live.send({ authCmd, cmds: [...wrong, nobody, telemetry(device, 5)] });
    const codes: number[][] = [];
    for (let i = 0; i < 5; i++) {
      const { subscriptionId, errorCode } = await live.next();
      codes.push([subscriptionId, errorCode]);
    }
    expect(codes).toEqual([
      [1, 2],
      [2, 2],
      [3, 2],
      [4, 3],
      [5, 0],
    ]);
    await live.close();
  });

  it('takes a bounded number of subscriptions, and forgets all at the end', async () => {
    const device = await newDevice();
    const live = new Live();
    await live.send({ authCmd });
    for (const from of [0, 60])
      await live.send({ cmds: Array.from({ length: 60 }, (_, i) => telemetry(device, from + i)) });
    const codes: number[] = [];
    for (let i = 0; i < 120; i++) codes.push((await live.next()).errorCode);
    expect([codes.filter((code) => code === 0).length, codes.filter((code) => code === 2).length]).toEqual([100, 20]);
    expect(harness.core.changes.isWatched(device.id)).toBe(true);
    await live.close();
    await expect.poll(() => harness.core.changes.isWatched(device.id)).toBe(false);
  });

  it.each([
    ['user', 'ES0021000000000077'],
    ['key', 'ES0021000000000078'],
  ])(
    'shows the %s of a supplier its own devices only, and no more once the attachment has ended',
    async (who, stem) => {
      const [own, foreign] = [await newDevice(), await newDevice()];
      const { id } = await harness.supplier(`Live supplier of the ${who}`);
      const supplyPoint = { scheme: 'es-cups', stem };
      const grid = { code: '0021', name: 'Grid' };
      const by = 'test';
      await harness.core.attachments.attach({
        deviceId: own.id,
        supplierId: id as AssetId,
        supplyPoint,
        grid,
        onConflict: 'reject',
        by,
      });
      const password = 'a long enough password';
      const bound = { name: 'live', role: 'supplier', supplier: id };
      await harness.api('POST', '/api/gridmoor/users', { ...bound, password });
      const { token } =
        who === 'user'
          ? (await harness.api('POST', '/api/auth/login', { username: 'live', password }, '')).json()
          : { token: (await harness.api('POST', '/api/gridmoor/api-keys', bound)).json().secretKey };
      const live = new Live();
      await live.send({ authCmd: { cmdId: 0, token }, cmds: [telemetry(foreign, 1), telemetry(own, 2)] });
      expect([(await live.next()).errorCode, (await live.next()).errorCode]).toEqual([3, 0]);
      await save(own, 1, { power: 1 });
      expect((await live.next()).data).toEqual({ power: [[1, '1']] });
      await harness.core.attachments.end(own.id, by);
      await save(own, 2, { power: 2 });
      expect(await live.next()).toMatchObject({ subscriptionId: 2, errorCode: 3, data: {} });
      await live.close();
    },
  );

  it('on another path is 404', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/other`);
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('404');
  });
});

describe('a request that offers another upgrade', () => {
  it('is answered as if it had not', async () => {
    const socket = connect(port, '127.0.0.1');
    const head =
      'Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n';
    const body = JSON.stringify({ name: 'H2C', role: 'operator' });
    const auth = `Authorization: Bearer ${ADMIN_KEY}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    socket.write(`POST /api/gridmoor/api-keys HTTP/1.1\r\n${head}${auth}\r\n${body}`);
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes('"H2C"')) break;
    }
    expect(text).toMatch(/^HTTP\/1\.1 201 /);
  });
});
