import { createSocket, type Socket } from 'node:dgram';
import { generate } from 'coap-packet';
import { describe, expect, it } from 'vitest';
import { startBroker } from '../helpers/broker.ts';
import { CoapPeer } from '../helpers/coap-peer.ts';
import { heldBy, INSPECTED, liveBytes, mib, mutated, randomFrom } from '../helpers/fuzz.ts';
import { latest, newDevice, requestOf } from '../helpers/system.ts';

const seconds = Number(process.env.FUZZ_SECONDS ?? 6);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
/** What caches may still fill by after the first third of a run: answers for repeats are kept, within their limit. */
const GROWTH_BYTES = 96 * 1024 * 1024;
const SOCKETS = 8;
/** Datagrams behind which an answer is waited for, so that none is lost for want of room. */
const VOLLEY = 40;

/** Each by itself once ended, or would have ended, a CoAP server. */
const KILLERS: Readonly<Record<string, Buffer>> = {
  'a token of 1,805 bytes': Buffer.concat([
    Buffer.from([0x4e, 1, 0, 1, 6, 0]),
    Buffer.alloc(1_805, 1),
    Buffer.from([0xd1, 14, 0xff]),
  ]),
  'a last block at 2 GiB': generate({
    code: 'POST',
    confirmable: true,
    token: Buffer.from('ab'),
    messageId: 7,
    payload: Buffer.from('x'),
    options: [{ name: 'Block1', value: Buffer.from([0xff, 0xff, 0xf6]) }],
  }),
  'an observation without a path': Buffer.from('4201000861626000'.slice(0, 14), 'hex'),
  'an option of 65,804 bytes that are not there': Buffer.from('40010009beffff', 'hex'),
  'a hundred levels of path': generate({
    code: 'GET',
    confirmable: true,
    messageId: 10,
    options: Array.from({ length: 101 }, () => ({ name: 'Uri-Path', value: Buffer.from('a') })),
  }),
  'text that is no UTF-8 in path and query': generate({
    code: 'GET',
    confirmable: true,
    messageId: 11,
    options: [
      { name: 'Uri-Path', value: Buffer.from([0xc3, 0x28]) },
      { name: 'Uri-Query', value: Buffer.from([0xff]) },
    ],
  }),
  'the largest datagram there is': Buffer.concat([Buffer.from('4002000cff', 'hex'), Buffer.alloc(65_000, 'x')]),
  nothing: Buffer.alloc(0),
};

describe.runIf(process.platform === 'linux')('CoAP datagrams', () => {
  it('no single one ends the broker', async () => {
    await using broker = await startBroker();
    const token = await newDevice(broker, 'still here');
    for (const [name, bytes] of Object.entries(KILLERS)) {
      await using peer = await CoapPeer.open(broker.ports.coap ?? 0);
      await peer.send(bytes);
      await using other = await CoapPeer.open(broker.ports.coap ?? 0);
      const answer = await other.call({ method: 'POST', path: `/api/v1/${token}/telemetry`, payload: '{"a":1}' });
      expect([name, answer.code]).toEqual([name, '2.01']);
    }
  });

  it(`made by chance are answered or dropped for ${seconds} s: no fault, no leak (FUZZ_SEED=${seed})`, {
    timeout: seconds * 1_000 + 60_000,
  }, async () => {
    const unlimited = '1000000:1';
    await using broker = await startBroker({
      env: {
        ...INSPECTED,
        GRIDMOOR_FREE_REFUSALS: '1000000',
        GRIDMOOR_DEVICE_MESSAGES: unlimited,
        GRIDMOOR_DEVICE_TELEMETRY_MESSAGES: unlimited,
        GRIDMOOR_DEVICE_TELEMETRY_DATA_POINTS: unlimited,
        GRIDMOOR_RPC_CLIENT_TIMEOUT_MS: '100',
      },
    });
    const port = broker.ports.coap ?? 0;
    const token = await newDevice(broker, 'fuzzed');
    await newDevice(broker, 'bystander');
    const random = randomFrom(seed);
    const below = (n: number): number => Math.floor(random() * n);
    const paths: readonly (readonly [string, string])[] = [
      [`api/v1/${token}/telemetry`, '{"t":25.1,"on":true}'],
      [`api/v1/${token}/attributes`, '{"serial":"A1"}'],
      [`api/v1/${token}/claim`, '{"secretKey":"s"}'],
      [`api/v1/${token}/rpc`, '{"method":"m","params":{}}'],
      [`api/v1/${token}/rpc/1`, '{"ok":true}'],
      ['api/v1/provision', requestOf(broker, { deviceName: 'made', token: 'token-made-0123456789' })],
      [`fw/${token}`, ''],
      ['nowhere', 'x'],
    ];
    const OPTIONS = [
      'Observe',
      'Block1',
      'Block2',
      'Content-Format',
      'Accept',
      'Uri-Query',
      'Size1',
      'If-Match',
      '292',
      '65001',
    ];
    const datagram = (): Buffer => {
      const [path, body] = paths[below(paths.length)] ?? ['', ''];
      const packet = generate(
        {
          code: ['GET', 'POST', 'POST', 'PUT', '0.00', '2.05'][below(6)] ?? 'GET',
          messageId: below(65_536),
          confirmable: random() < 0.7,
          token: Buffer.alloc(below(9), below(256)),
          payload: random() < 0.5 ? Buffer.from(body) : mutated(Buffer.from(body), random),
          options: [
            ...path.split('/').map((part) => ({ name: 'Uri-Path', value: Buffer.from(part) })),
            ...Array.from({ length: below(4) }, () => ({
              name: OPTIONS[below(OPTIONS.length)] ?? 'Observe',
              value: Buffer.from(Array.from({ length: below(5) }, () => below(256))),
            })),
          ],
        },
        1_000_000,
      );
      const broken = random() < 0.5 ? packet : mutated(packet, random);
      return broken.subarray(0, 60_000);
    };

    await using control = await CoapPeer.open(port);
    const sockets = await Promise.all(
      Array.from({ length: SOCKETS }, async () => {
        const socket: Socket = createSocket('udp4');
        await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
        return socket;
      }),
    );
    let answers = 0;
    for (const socket of sockets) {
      socket.on('message', (bytes) => {
        answers++;
        // Some acknowledge what is sent to them, so that observations go on.
        if (bytes.length >= 4 && (bytes.readUInt8(0) >> 4) % 4 === 0 && random() < 0.5) {
          socket.send(Buffer.from([0x60, 0, bytes.readUInt8(2), bytes.readUInt8(3)]), port, '127.0.0.1');
        }
      });
    }
    let sent = 0;
    const run = async (forSeconds: number): Promise<void> => {
      const until = performance.now() + forSeconds * 1_000;
      while (performance.now() < until) {
        for (let i = 0; i < VOLLEY; i++) {
          sockets[below(SOCKETS)]?.send(datagram(), port, '127.0.0.1');
          sent++;
        }
        const alive = await control.call({ path: '/nowhere' });
        if (alive.code !== '4.04') throw new Error(`the broker answered ${alive.code}`);
      }
    };
    await run(seconds / 3);
    const live = await liveBytes(broker);
    const before = heldBy(broker.pid);
    await run((seconds * 2) / 3);
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(done))));
    const liveAfter = await liveBytes(broker);
    const after = heldBy(broker.pid);
    console.log(
      `CoAP fuzz: ${sent} datagrams, ${answers} answers, ${seconds} s, seed ${seed}; live ${mib(live)} -> ${mib(liveAfter)}, ` +
        `resident ${mib(before.memory)} -> ${mib(after.memory)}, descriptors ${before.files} -> ${after.files}`,
    );
    expect(sent).toBeGreaterThan(seconds * 50);
    expect(answers).toBeGreaterThan(sent / 10);
    expect(liveAfter).toBeLessThan(live + GROWTH_BYTES);
    expect(after.files).toBeLessThanOrEqual(before.files + 4);
    expect(await latest(broker, 'bystander')).toEqual({});
    expect(broker.logs().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });
});
