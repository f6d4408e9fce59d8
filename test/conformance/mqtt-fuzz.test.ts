import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../helpers/fuzz.ts';
import { startGuardedAedes } from '../helpers/guarded-aedes.ts';
import { bytesOf, connectPacket, packetOf, RawMqtt } from '../helpers/mqtt-raw.ts';

const seconds = Number(process.env.FUZZ_SECONDS ?? 5);
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);

const topics = ["s1 'a'", "s3 'a/b'", "s9 '__proto__'", "s1 '#'", "s3 'a/+'", "s5 '$SYS/'", 's0'];
const properties: Readonly<Record<string, readonly string[]>> = {
  connect: ['v0', 'v5 11 L0', 'v5 11 FFFFFFFF', 'v3 21 H1', 'v10 11 L1 11 L1', 'v5 27 L20'],
  publish: ['v0', 'v2 01 01', 'v5 02 L1', "v4 08 s1 'r'", 'v3 23 H1', 'v1 08', "v7 26 s1 'k' s1 'v'"],
  subscribe: ['v0', 'v2 0B 01', 'v2 0B 00'],
};

/** A connection's packets: mostly right, some with a byte changed, cut into chunks anywhere. */
function script(random: () => number): Buffer[] {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const version = pick([3, 4, 5] as const);
  const five = (holder: string) => (version === 5 ? pick(properties[holder] ?? ['v0']) : '');
  const id = () => `m${Math.floor(random() * 4)}`;
  const connect = () => {
    const name = pick(["s1 'x'", "s1 'y'", 's0']);
    const will = random() < 0.3;
    const flags = (random() < 0.5 ? 0x02 : 0) | (will ? 0x04 | (Math.floor(random() * 3) << 3) : 0);
    const willFields = will ? `${version === 5 ? 'v0' : ''} ${pick(topics)} s1 'w'` : '';
    const start = `${version === 3 ? "s6 'MQIsdp'" : "s4 'MQTT'"} 0${version} ${flags.toString(16).padStart(2, '0')} k60`;
    return packetOf(0x10, `${start} ${five('connect')} ${name} ${willFields}`);
  };
  const makers: (() => Buffer)[] = [
    () => packetOf(pick([0x30, 0x31]), `${pick(topics)} ${five('publish')} 'x'`),
    () => packetOf(pick([0x32, 0x33, 0x34, 0x3c, 0x35]), `${pick(topics)} ${id()} ${five('publish')} 'x'`),
    () => packetOf(0x82, `${id()} ${five('subscribe')} ${pick(topics)} 0${Math.floor(random() * 3)}`),
    () => packetOf(0xa2, `${id()} ${version === 5 ? 'v0' : ''} ${pick(topics)}`),
    () => packetOf(pick([0x40, 0x50, 0x62, 0x70]), id()),
    () => bytesOf('C0 r0'),
    () => (random() < 0.1 ? pick([bytesOf('E0 r0'), connect(), bytesOf('F0 r0')]) : bytesOf('C0 r0')),
  ];
  const packets = [connect()];
  for (let i = Math.floor(random() * 30); i > 0; i--) {
    const packet = pick(makers)();
    packets.push(packet);
    if (random() < 0.3) packets.push(packet);
  }
  const bytes = Buffer.concat(packets);
  if (random() < 0.3) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random() < 0.5 ? bytes.length : 1 + Math.floor(random() * 60);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Sends a script over one connection, then drops it, or lets it hang on while others take its place. */
async function play(port: number, chunks: readonly Buffer[], random: () => number): Promise<void> {
  const raw = await RawMqtt.connect(port);
  for (const chunk of chunks) {
    raw.send(chunk);
    if (random() < 0.5) await new Promise((resolve) => setImmediate(resolve));
  }
  raw.send(bytesOf('C0 r0'));
  if (random() < 0.7)
    await raw.until(() => raw.closed || raw.received.some((each) => each.first === 0xd0), 'an end', 50).catch(() => {});
  await raw[Symbol.asyncDispose]();
}

describe('aedes behind the guard, with sessions, wills, retained messages and take-over', () => {
  const deaths: unknown[] = [];
  const died = (error: unknown) => deaths.push(error);
  beforeAll(() => {
    process.on('uncaughtException', died);
    process.on('unhandledRejection', died);
  });
  afterAll(() => {
    process.off('uncaughtException', died);
    process.off('unhandledRejection', died);
  });

  it(`lives through ${seconds} s of packets made by chance (FUZZ_SEED=${seed})`, {
    timeout: seconds * 1000 + 60_000,
  }, async () => {
    // Client ids stay as they come, so that connections meet in their sessions.
    await using it = await startGuardedAedes({
      aedes: { preConnect: (_client, _packet, done) => done(null, true), drainTimeout: 500 },
    });
    const random = randomFrom(seed);
    const until = performance.now() + seconds * 1000;
    let connections = 0;
    const worker = async () => {
      for (; performance.now() < until && deaths.length === 0; connections++)
        await play(it.port, script(random), random);
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    expect(deaths).toEqual([]);
    console.log(`MQTT fuzz of the guard: ${connections} connections, ${seconds} s, seed ${seed}`);
    await using witness = await RawMqtt.connect(it.port);
    witness.send(Buffer.concat([connectPacket(4, 'witness'), bytesOf('C0 r0')]));
    await witness.until(() => witness.received.some((each) => each.first === 0xd0), 'a pong');
  });
});
