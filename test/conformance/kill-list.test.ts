import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerIsBuilt, startBroker } from '../helpers/broker.ts';
import { startGuardedAedes } from '../helpers/guarded-aedes.ts';
import { bytesOf, connectPacket, packetOf, RawMqtt } from '../helpers/mqtt-raw.ts';
import { provisionDevices } from '../helpers/provision.ts';

/** Packets that end the process of an unguarded aedes 2.0.0-beta.1, and their neighbours. */
interface Attack {
  readonly name: string;
  readonly version: 4 | 5;
  /** The attack brings its own CONNECT; otherwise the test connects first. */
  readonly connects?: true;
  /** One chunk each, so that packets within a chunk are read together. */
  readonly chunks: () => readonly Buffer[];
}

const prototypeNames = Object.getOwnPropertyNames(Object.prototype);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

function packet(first: number, ...parts: (Buffer | string)[]): Buffer {
  return packetOf(first, Buffer.concat(parts.map((part) => (typeof part === 'string' ? bytesOf(part) : part))));
}

const publish = (first: number, topic: string, rest = '') => packet(first, text(topic), rest);
const subscribe = (version: 4 | 5, ...filters: string[]) =>
  packet(0x82, 'm1', version === 5 ? '00' : '', ...filters.flatMap((filter) => [text(filter), '01']));
const unsubscribe = (version: 4 | 5, ...filters: string[]) =>
  packet(0xa2, 'm2', version === 5 ? '00' : '', ...filters.map(text));
const connectWith = (properties: string) =>
  bytesOf(`10 r${13 + bytesOf(properties).length} s4 'MQTT' 05 02 k60 ${properties} s1 'x'`);
const will = (topic: string) => packet(0x10, "s4 'MQTT' 04 06 k60 s1 'w'", text(topic), "s1 'x'");
const repeated = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));
const deep = (levels: number) => Array.from({ length: levels }, () => 'a').join('/');

const attacks: readonly Attack[] = [
  ...prototypeNames.map(
    (name): Attack => ({
      name: `CONNECT with client id ${name}`,
      version: 4,
      connects: true,
      chunks: () => [connectPacket(4, name)],
    }),
  ),
  ...prototypeNames.map(
    (name): Attack => ({
      name: `SUBSCRIBE to ${name}`,
      version: 4,
      chunks: () => [subscribe(4, name)],
    }),
  ),
  ...prototypeNames.map(
    (name): Attack => ({
      name: `UNSUBSCRIBE from ${name}`,
      version: 5,
      chunks: () => [unsubscribe(5, name)],
    }),
  ),
  ...[0x30, 0x31].map(
    (first): Attack => ({
      name: `PUBLISH to __proto__, first byte ${first}`,
      version: 4,
      chunks: () => [publish(first, '__proto__')],
    }),
  ),
  { name: 'will topic __proto__', version: 4, connects: true, chunks: () => [will('__proto__')] },
  { name: 'will topic of 101 levels', version: 4, connects: true, chunks: () => [will(deep(101))] },
  {
    name: 'two PUBREL of one open id in one chunk',
    version: 4,
    chunks: () => [publish(0x34, 't', 'm7'), bytesOf('62 r2 m7 62 r2 m7')],
  },
  {
    name: 'three PUBREL of an unknown id in one chunk',
    version: 5,
    chunks: () => [bytesOf('62 r2 m7 62 r2 m7 62 r2 m7')],
  },
  {
    name: 'QoS 2 publish and two PUBREL in one chunk',
    version: 4,
    chunks: () => [Buffer.concat([publish(0x34, 't', 'm7'), bytesOf('62 r2 m7 62 r2 m7')])],
  },
  {
    name: 'one QoS 2 publish three times in one chunk',
    version: 4,
    chunks: () => [repeated(3, () => publish(0x34, 't', 'm7'))],
  },
  {
    name: 'session expiry twice in CONNECT',
    version: 5,
    connects: true,
    chunks: () => [connectWith('v10 11 L1 11 L1'), bytesOf('E0 r0')],
  },
  { name: 'session expiry twice in DISCONNECT', version: 5, chunks: () => [bytesOf('E0 r12 00 v10 11 L1 11 L1')] },
  { name: 'truncated response topic', version: 5, chunks: () => [bytesOf("30 r7 s1 't' v3 08 00 50")] },
  { name: 'response topic without a length', version: 5, chunks: () => [bytesOf("30 r5 s1 't' v1 08")] },
  { name: 'topic alias twice', version: 5, chunks: () => [bytesOf("30 r10 s1 't' v6 23 00 01 23 00 01")] },
  { name: 'message expiry twice', version: 5, chunks: () => [bytesOf("31 r14 s1 't' v10 02 L1 02 L1")] },
  {
    name: 'will delay twice',
    version: 5,
    connects: true,
    chunks: () => [bytesOf("10 r31 s4 'MQTT' 05 06 k60 v0 s1 'x' v10 18 L1 18 L1 s1 'w' s1 'w'")],
  },
  { name: 'receive maximum twice', version: 5, connects: true, chunks: () => [connectWith('v6 21 H1 21 H1')] },
  {
    name: 'subscription identifier twice',
    version: 5,
    chunks: () => [bytesOf("82 r11 m1 v4 0B 01 0B 01 s1 'p' 00")],
  },
  {
    name: 'user property __proto__',
    version: 5,
    chunks: () => [bytesOf("30 r20 s1 't' v16 26 s9 '__proto__' s2 'xx'")],
  },
  {
    name: '60,000 open QoS 2 handshakes',
    version: 4,
    chunks: () =>
      Array.from({ length: 60 }, (_, k) => repeated(1000, (i) => publish(0x34, 't', `m${k * 1000 + i + 1}`))),
  },
  {
    name: '20,000 filters in one SUBSCRIBE',
    version: 4,
    chunks: () => [subscribe(4, ...Array.from({ length: 13_000 }, () => 'a'))],
  },
  ...[101, 30_000].flatMap((levels): Attack[] => [
    { name: `PUBLISH to ${levels} levels`, version: 4, chunks: () => [publish(0x30, deep(levels))] },
    { name: `SUBSCRIBE to ${levels} levels`, version: 4, chunks: () => [subscribe(4, deep(levels))] },
    { name: `UNSUBSCRIBE from ${levels} levels`, version: 4, chunks: () => [unsubscribe(4, deep(levels))] },
  ]),
  {
    name: 'second CONNECT in the chunk of the first',
    version: 4,
    connects: true,
    chunks: () => [repeated(2, () => connectPacket(4, 'x'))],
  },
  {
    name: 'SUBSCRIBE after DISCONNECT in one chunk',
    version: 4,
    chunks: () => [Buffer.concat([bytesOf('E0 r0'), subscribe(4, 'a'), bytesOf('C0 r0')])],
  },
  {
    name: 'every acknowledgement of an unknown id, twice',
    version: 5,
    chunks: () => [bytesOf('40 r2 m9 40 r2 m9 50 r2 m9 50 r2 m9 70 r2 m9 70 r2 m9')],
  },
  { name: 'AUTH', version: 5, chunks: () => [bytesOf('F0 r2 18 00')] },
  ...[0x00, 0x20, 0x90, 0xb0, 0xd0, 0xf0].map(
    (first): Attack => ({
      name: `packet type ${first >> 4} from a client`,
      version: 5,
      chunks: () => [packet(first, '0000')],
    }),
  ),
  { name: 'remaining length of 5 bytes', version: 4, chunks: () => [bytesOf('30 80 80 80 80 01')] },
  {
    name: '256 MiB announced before CONNECT',
    version: 4,
    connects: true,
    chunks: () => [bytesOf('10 FF FF FF 7F'), Buffer.alloc(100_000)],
  },
  { name: '1,000 pings in one chunk', version: 4, chunks: () => [repeated(1000, () => bytesOf('C0 r0'))] },
];

interface Target extends AsyncDisposable {
  readonly port: number;
  /** User names, where the broker wants one. */
  readonly attacker?: string;
  readonly witness?: string;
}

function survives(label: string, start: () => Promise<Target>): void {
  describe(`kill list against ${label}`, () => {
    let target: Target;
    const deaths: unknown[] = [];
    const died = (error: unknown) => deaths.push(error);
    beforeAll(async () => {
      process.on('uncaughtException', died);
      process.on('unhandledRejection', died);
      target = await start();
    });
    afterAll(async () => {
      await target[Symbol.asyncDispose]();
      process.off('uncaughtException', died);
      process.off('unhandledRejection', died);
    });

    async function connected(version: 4 | 5, who: 'attacker' | 'witness'): Promise<RawMqtt> {
      const raw = await RawMqtt.connect(target.port);
      const username = target[who];
      raw.send(connectPacket(version, who, username === undefined ? {} : { username }));
      expect((await raw.next())?.body[1]).toBe(0);
      return raw;
    }

    it.each(attacks.map((attack) => [attack.name, attack] as const))('%s', async (_name, attack) => {
      deaths.length = 0;
      await using raw = attack.connects
        ? await RawMqtt.connect(target.port)
        : await connected(attack.version, 'attacker');
      for (const chunk of attack.chunks()) raw.send(chunk);
      // The attacker may be cut off or answered; a ping behind the attack shows which, and that it is over.
      raw.send(bytesOf('C0 r0'));
      const pong = () => raw.received.some((each) => each.first === 0xd0);
      await raw.until(() => raw.closed || pong(), 'the end of the attack');
      await using witness = await connected(4, 'witness');
      witness.send(bytesOf('C0 r0'));
      expect(await witness.nextHex()).toBe('d0:');
      expect(deaths).toEqual([]);
    });

    it('every packet split at every byte is read as if it came whole', async () => {
      const packets = [subscribe(4, 'a/b'), publish(0x32, 'a/b', "m3 'x'"), unsubscribe(4, 'a/b'), bytesOf('C0 r0')];
      const all = Buffer.concat(packets);
      await using raw = await connected(4, 'witness');
      for (const byte of all) {
        raw.send(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await raw.until(() => raw.closed || raw.received.some((each) => each.first === 0xd0), 'a pong');
      expect(raw.received.map((each) => each.first)).toContain(0x90);
    });
  });
}

describe.skipIf(!brokerIsBuilt())('gridmoor', () => {
  survives('gridmoor', async () => {
    const broker = await startBroker({ env: { GRIDMOOR_FREE_REFUSALS: '1000000' } });
    const { mqtt: port } = broker.ports;
    const [attacker, witness] = await provisionDevices({ port, provisionSecret: broker.provisionSecret }, ['a', 'w']);
    return {
      port,
      attacker: attacker ?? '',
      witness: witness ?? '',
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    };
  });

  survives('gridmoor, from a provision session', async () => {
    const broker = await startBroker({ env: { GRIDMOOR_FREE_REFUSALS: '1000000' } });
    return {
      port: broker.ports.mqtt,
      attacker: 'provision',
      witness: 'provision',
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    };
  });
});

// Client ids stay as they come: a front that renames them would hide the first rows.
survives('aedes behind the guard', () =>
  startGuardedAedes({ aedes: { preConnect: (_client, _packet, done) => done(null, true) } }),
);
