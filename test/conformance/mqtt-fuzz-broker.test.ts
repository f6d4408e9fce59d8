import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { type Broker, startBroker } from '../helpers/broker.ts';
import { heldBy, INSPECTED, liveBytes, mib, mutated, randomFrom } from '../helpers/fuzz.ts';
import { MqttClient } from '../helpers/mqtt-client.ts';
import { bytesOf, connectPacket, packetOf } from '../helpers/mqtt-raw.ts';
import { attributes, latest, newDevice, requestOf } from '../helpers/system.ts';

const seconds = Number(process.env.FUZZ_SECONDS ?? 8);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);
/** What caches may still fill by after the first quarter of a run. */
const GROWTH_BYTES = 4 * 1024 * 1024;
const unlimited = '10000000:1';

const PAYLOADS = [
  '{"t":25.1,"on":true,"s":"text"}',
  '{"ts":1700000000000,"values":{"t":1}}',
  '[{"a":1},{"b":{"c":[1]}}]',
  '{"clientKeys":"a,b","sharedKeys":"c"}',
  '{"method":"getTime","params":{}}',
  '{"secretKey":"s","durationMs":60000}',
  '{"device":"sub","data":{"a":1},"id":1}',
].map((text) => Buffer.from(text));

/** A session outlives a refused payload here. */
const LASTING = [
  'v1/devices/me/telemetry',
  'v1/devices/me/attributes',
  'v1/devices/me/attributes/request/1',
  'v1/devices/me/claim',
  'v2/t',
  'v2/t/p',
  'v2/a/req/j/1',
  'v1/devices/other/telemetry',
];
const TOPICS = [
  ...LASTING,
  'v1/devices/me/rpc/request/2',
  'v1/devices/me/rpc/response/3',
  'v1/gateway/telemetry',
  'v1/gateway/connect',
  'v2/fw/request/1/chunk/0',
  '/provision',
  '/provision/request',
  '$SYS/x',
];
const FILTERS = [
  '#',
  '+/#',
  'v1/devices/+/telemetry',
  '$share/g/v1/#',
  ...TOPICS.map((topic) => `${topic}/+`),
  ...TOPICS,
];

type Random = () => number;

/** One connection's packets: a login that is right, packets with changed payloads, topics or bytes. */
function script(random: Random, userName: string, provisioning: Buffer): { packets: number; bytes: Buffer } {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  // A session of MQTT 5 outlives what it is refused at QoS 1 and 2: most packets come behind a refused one.
  const version = random() < 0.1 ? 4 : 5;
  const lasting = random() < 0.3 ? 0.98 : 0.5;
  const properties = version === 5 ? Buffer.from([0]) : Buffer.alloc(0);
  const text = (value: Buffer | string): Buffer => {
    const bytes = Buffer.from(value).subarray(0, 0xffff);
    return Buffer.concat([bytesOf(`s${bytes.length}`), bytes]);
  };
  const id = (): Buffer => bytesOf(`m${1 + Math.floor(random() * 20)}`);
  const maybe = (bytes: Buffer | string, share: number): Buffer =>
    random() < share ? mutated(Buffer.from(bytes), random) : Buffer.from(bytes);
  const payload = (): Buffer => maybe(userName === 'provision' ? provisioning : pick(PAYLOADS), 0.8);
  const topic = (): Buffer =>
    text(
      userName === 'provision' && random() < 0.5
        ? '/provision'
        : maybe(pick(random() < lasting ? LASTING : TOPICS), 0.003),
    );
  const publish = (): Buffer => {
    const qos = random() < 0.01 ? 0 : random() < 0.8 ? 1 : 2;
    const first = 0x30 | (qos << 1) | (random() < 0.1 ? 1 : 0) | (qos > 0 && random() < 0.1 ? 8 : 0);
    const parts = [topic(), qos > 0 ? id() : Buffer.alloc(0), properties, payload()];
    return packetOf(first, Buffer.concat(parts).subarray(0, 60_000));
  };
  const makers: readonly (() => Buffer)[] = [
    publish,
    publish,
    publish,
    publish,
    () => packetOf(0x82, Buffer.concat([id(), properties, text(maybe(pick(FILTERS), 0.02)), Buffer.from([1])])),
    () => packetOf(0xa2, Buffer.concat([id(), properties, text(pick(FILTERS))])),
    () => packetOf(pick([0x40, 0x50, 0x62, 0x70]), id()),
    () => bytesOf('C0 r0'),
  ];
  const all = [connectPacket(version, pick(['', 'x', 'bystander', 'a#', '$SYS/1']), { username: userName })];
  for (let left = Math.floor(random() * 120); left > 0; left--) {
    const packet = pick(makers)();
    all.push(random() < 0.003 ? mutated(packet, random) : packet);
  }
  return { packets: all.length, bytes: Buffer.concat(all) };
}

const LAST_ID = Buffer.from('fffe', 'hex');

/** Sends a script in chunks, and goes, in the middle or at the end. True when all of it was answered. */
async function play(broker: Broker, bytes: Buffer, random: Random): Promise<boolean> {
  const socket = connect({ port: broker.ports.mqtt, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  let tail = Buffer.alloc(0);
  const answered = new Promise<true>((resolve) =>
    socket.on('data', (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk]).subarray(-16);
      if (tail.includes(LAST_ID)) resolve(true);
    }),
  );
  for (let at = 0; at < bytes.length && !socket.destroyed; ) {
    const size = random() < 0.7 ? bytes.length : 1 + Math.floor(random() * 2_000);
    socket.write(bytes.subarray(at, at + size));
    at += size;
    if (random() < 0.3) await new Promise((resolve) => setImmediate(resolve));
  }
  let all = false;
  if (random() < 0.8) {
    // PUBREL of an id that nobody uses: its PUBCOMP comes after all other answers.
    socket.write(Buffer.concat([bytesOf('62 r2'), LAST_ID]));
    const timer = setTimeout(() => socket.destroy(), 5_000);
    all = (await Promise.race([answered, closed])) === true;
    clearTimeout(timer);
  }
  socket.destroy();
  await closed;
  return all;
}

describe.runIf(process.platform === 'linux')('MQTT packets made by chance', () => {
  it(`harm neither the broker nor a bystander for ${seconds} s, and leave nothing behind (FUZZ_SEED=${seed})`, {
    timeout: seconds * 1000 + 60_000,
  }, async () => {
    await using broker = await startBroker({
      env: {
        ...INSPECTED,
        GRIDMOOR_FREE_REFUSALS: '1000000',
        GRIDMOOR_DEVICE_MESSAGES: unlimited,
        GRIDMOOR_DEVICE_TELEMETRY_MESSAGES: unlimited,
        GRIDMOOR_DEVICE_TELEMETRY_DATA_POINTS: unlimited,
      },
    });
    // Each worker has a device of its own, and comes as another's now and then: who comes later takes over.
    const own: string[] = [];
    for (let i = 0; i < 8; i++) own.push(await newDevice(broker, `fuzzed-${i}`));
    const provisioning = Buffer.from(requestOf(broker, { deviceName: 'made', token: 'token-of-made-0123456789' }));
    const userName = await newDevice(broker, 'bystander');
    await using bystander = await MqttClient.connect({ port: broker.ports.mqtt, clientId: 'bystander', userName });
    await bystander.subscribe('v1/devices/me/attributes', 'v1/devices/me/attributes/response/+');
    await bystander.subscribe('v1/devices/me/rpc/request/+', 'v1/devices/me/rpc/response/+');
    await bystander.publish('v1/devices/me/telemetry', '{"mine":0}');

    const random = randomFrom(seed);
    const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
    let packets = 0;
    let answered = 0;
    let connections = 0;
    const run = async (forSeconds: number): Promise<void> => {
      const until = performance.now() + forSeconds * 1000;
      const worker = async (token: string): Promise<void> => {
        while (performance.now() < until) {
          const made = script(
            random,
            random() < 0.9 ? token : pick([...own, 'provision', 'provision', 'nobody']),
            provisioning,
          );
          if (await play(broker, made.bytes, random)) answered += made.packets;
          packets += made.packets;
          connections += 1;
          // All the while the bystander is served, and keeps alive.
          if (token === own[0]) await bystander.alive();
        }
      };
      await Promise.all(own.map(worker));
    };
    // The start is a broker that is warm: what code and heap need at first is no leak.
    await run(seconds / 4);
    await bystander.alive();
    const live = await liveBytes(broker);
    const before = heldBy(broker.pid);
    await run((seconds * 3) / 4);
    // Connections that lasted are the ones whose packets were all read.
    expect(answered).toBeGreaterThan(seconds * 50);

    await expect.poll(() => heldBy(broker.pid).files, { timeout: 10_000 }).toBeLessThanOrEqual(before.files);
    const liveAfter = await liveBytes(broker);
    const after = heldBy(broker.pid);
    console.log(
      `MQTT fuzz: ${packets} packets (${answered} on connections that lasted), ${connections} connections, ${seconds} s, seed ${seed}; ` +
        `live ${mib(live)} -> ${mib(liveAfter)}, resident ${mib(before.memory)} -> ${mib(after.memory)}, descriptors ${before.files} -> ${after.files}`,
    );
    expect(liveAfter).toBeLessThan(live + Math.max(live * 0.05, GROWTH_BYTES));
    // I5: the bystander hears nothing of others, and has what it sent and no more.
    expect(await bystander.publish('v1/devices/me/telemetry', '{"mine":1}')).toBe(0);
    await bystander.alive();
    expect(bystander.unread).toEqual([]);
    expect(await latest(broker, 'bystander')).toEqual({ mine: '1' });
    expect(await attributes(broker, 'bystander', 'CLIENT_SCOPE')).toEqual({});
    expect(Object.keys(await latest(broker, 'fuzzed-0')).length).toBeGreaterThan(0);
    expect(broker.logs().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    expect((await fetch(`${broker.url}/readyz`)).status).toBe(200);
  });
});
