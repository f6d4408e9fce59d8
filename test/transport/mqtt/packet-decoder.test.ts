import fc from 'fast-check';
import mqtt, { type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { checkFirstByte, decodePacket, type ProtocolVersion } from '../../../src/transport/mqtt/packet-decoder.ts';
import { createFrameSplitter, type Frame, isRefusal } from '../../../src/transport/mqtt/packet-frames.ts';
import { bytesOf, packetOf } from '../../helpers/mqtt-raw.ts';

function decode(bytes: Buffer, version: ProtocolVersion | undefined) {
  const splitter = createFrameSplitter({
    checkFirst: (first) => checkFirstByte(first, version),
    maxPacketBytes: () => 1 << 20,
  });
  splitter.push(bytes);
  const next = splitter.next();
  if (!next) return 'incomplete';
  return isRefusal(next) ? { refusal: next } : decodePacket(next, version);
}

function codeOf(notation: string, version: ProtocolVersion | undefined): number | 'fine' | 'incomplete' {
  const result = decode(bytesOf(notation), version);
  if (result === 'incomplete') return result;
  return 'refusal' in result ? result.refusal.reasonCode : 'fine';
}

const name = fc.stringMatching(/^[a-zA-Z0-9/é世😀]{1,20}$/u);
const bytes = fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each));
const packetId = fc.integer({ min: 1, max: 65_535 });
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const users = fc.dictionary(name, fc.oneof(name, fc.array(name, { minLength: 2, maxLength: 3 })), {
  minKeys: 1,
  maxKeys: 3,
});
const some = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.option(
    fc.record(model, { requiredKeys: [] }).filter((each) => Object.keys(each).length > 0),
    { nil: undefined },
  );

const willProperties = some({
  willDelayInterval: uint32,
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: uint32,
  contentType: name,
  responseTopic: name,
  correlationData: bytes,
  userProperties: users,
});
const connectProperties = some({
  sessionExpiryInterval: uint32,
  receiveMaximum: fc.integer({ min: 1, max: 65_535 }),
  maximumPacketSize: fc.integer({ min: 1, max: 0xffffffff }),
  topicAliasMaximum: fc.integer({ min: 0, max: 65_535 }),
  requestResponseInformation: fc.boolean(),
  requestProblemInformation: fc.boolean(),
  userProperties: users,
});
const publishProperties = some({
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: uint32,
  topicAlias: fc.integer({ min: 1, max: 65_535 }),
  responseTopic: name,
  correlationData: bytes,
  userProperties: users,
  contentType: name,
});
const ackProperties = some({ reasonString: name, userProperties: users });

const fields = fc.record({
  id: packetId,
  topic: name,
  payload: bytes,
  qos,
  flag: fc.boolean(),
  keepalive: fc.integer({ min: 0, max: 65_535 }),
  username: fc.option(name, { nil: undefined }),
  will: fc.boolean(),
  willProperties,
  connectProperties,
  publishProperties,
  ackProperties,
  filters: fc.array(name, { minLength: 1, maxLength: 5 }),
  subscriptionIdentifier: fc.option(fc.integer({ min: 1, max: 268_435_455 }), { nil: undefined }),
  rh: fc.integer({ min: 0, max: 2 }),
});

type Fields = typeof fields extends fc.Arbitrary<infer T> ? T : never;

/** One packet of each kind a client sends, from the same fields. */
function packets(f: Fields, version: ProtocolVersion): Record<string, unknown>[] {
  const five = <T>(value: T | undefined) => (version === 5 && value !== undefined ? { properties: value } : {});
  const ack = { messageId: f.id, ...(version === 5 ? { reasonCode: 0 } : {}), ...five(f.ackProperties) };
  return [
    {
      cmd: 'connect',
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: version,
      clean: f.flag || version === 3,
      keepalive: f.keepalive,
      clientId: f.topic,
      ...(f.will
        ? { will: { topic: f.topic, payload: f.payload, qos: f.qos, retain: f.flag, ...five(f.willProperties) } }
        : {}),
      ...(f.username === undefined ? {} : { username: f.username, password: f.payload }),
      ...five(f.connectProperties),
    },
    {
      cmd: 'publish',
      topic: f.topic,
      payload: f.payload,
      qos: f.qos,
      retain: f.flag,
      dup: f.flag && f.qos > 0,
      ...(f.qos > 0 ? { messageId: f.id } : {}),
      ...five(f.publishProperties),
    },
    ...['puback', 'pubrec', 'pubrel', 'pubcomp'].map((cmd) => ({ cmd, ...ack })),
    {
      cmd: 'subscribe',
      messageId: f.id,
      subscriptions: f.filters.map((topic) =>
        version === 5 ? { topic, qos: f.qos, nl: f.flag, rap: !f.flag, rh: f.rh } : { topic, qos: f.qos },
      ),
      ...five(f.subscriptionIdentifier && { subscriptionIdentifier: f.subscriptionIdentifier }),
    },
    { cmd: 'unsubscribe', messageId: f.id, unsubscriptions: f.filters },
    { cmd: 'pingreq' },
    { cmd: 'disconnect', ...(version === 5 ? { reasonCode: 4, ...five(f.ackProperties) } : {}) },
  ];
}

/** What mqtt-packet reads, less the fields it leaves empty in every packet. */
function byMqttPacket(frame: Buffer, version: ProtocolVersion): Record<string, unknown> {
  const parser = mqtt.parser({ protocolVersion: version });
  let read: Packet | undefined;
  parser.on('packet', (packet) => {
    read = packet;
  });
  parser.parse(frame);
  return plain(read as unknown as Record<string, unknown>);
}

function plain(packet: Record<string, unknown>): Record<string, unknown> {
  const used = Object.entries(packet).filter(([key, value]) => {
    if (value === null || value === undefined) return false;
    return packet.cmd === 'publish' || !['qos', 'retain', 'dup'].includes(key);
  });
  return JSON.parse(JSON.stringify(Object.fromEntries(used))) as Record<string, unknown>;
}

describe('decodePacket', () => {
  it.each([3, 4, 5] as const)('level %i: reads every well-formed packet as mqtt-packet does', (version) => {
    fc.assert(
      fc.property(fields, (f) => {
        for (const packet of packets(f, version)) {
          const frame = mqtt.generate(packet as unknown as Packet, { protocolVersion: version });
          const result = decode(frame, packet.cmd === 'connect' ? undefined : version);
          expect(result).toHaveProperty('packet');
          const ours = (result as unknown as { packet: Record<string, unknown> }).packet;
          expect(plain(ours)).toEqual(byMqttPacket(frame, version));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('never throws, whatever the bytes', () => {
    const version = fc.constantFrom(undefined, 3 as const, 4 as const, 5 as const);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(255), version, (body, first, level) => {
        const frame: Frame = { first, bytes: Buffer.from(body), start: 0, end: body.length };
        if (checkFirstByte(first, level)) return;
        const result = decodePacket(frame, level);
        expect('packet' in result || result.refusal.reasonCode >= 0x80).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('never throws on a well-formed packet with one byte changed', () => {
    fc.assert(
      fc.property(fields, fc.nat(), fc.nat(255), (f, at, value) => {
        for (const packet of packets(f, 5)) {
          const frame = Buffer.from(mqtt.generate(packet as unknown as Packet, { protocolVersion: 5 }));
          frame[at % frame.length] = value;
          decode(frame, packet.cmd === 'connect' ? undefined : 5);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['U+0000 in a topic', "30 r5 s3 'a' 00 'b'", 4, 0x81],
    ['a lone surrogate in a topic', '30 r5 s3 EDA080', 4, 0x81],
    ['an overlong encoding', '30 r4 s2 C080', 4, 0x81],
    ['a control character in a topic', "30 r4 s2 'a' 1F", 4, 0x81],
    ['U+009F in a filter', '82 r7 m1 s2 C29F 00', 4, 0x81],
    ['a topic outside ASCII', '30 r6 s4 F0AA9B94', 4, 'fine'],
    ['U+FEFF, kept', '30 r5 s3 EFBBBF', 4, 'fine'],
    ['a real U+FFFD', '30 r5 s3 EFBFBD', 4, 'fine'],
    ['packet id 0 in PUBLISH', "32 r5 s1 'a' m0", 4, 0x82],
    ['packet id 0 in SUBSCRIBE', "82 r6 m0 s1 'a' 00", 4, 0x82],
    ['packet id 0 in PUBACK', '40 r2 m0', 4, 0x82],
    ['a PINGREQ with a body', 'C0 r1 00', 4, 0x81],
    ['a DISCONNECT with a body', 'E0 r1 00', 4, 0x81],
    ['PUBLISH with QoS 3', "36 r5 s1 'a' m1", 4, 0x81],
    ['DUP with QoS 0', "38 r3 s1 'a'", 4, 0x81],
    ['SUBSCRIBE with header flags 0', "80 r6 m1 s1 'a' 00", 4, 0x81],
    ['SUBSCRIBE without a filter', '82 r2 m1', 4, 0x81],
    ['SUBSCRIBE with bytes behind its last filter', "82 r7 m1 s1 'a' 00 00", 4, 0x81],
    ['a filter that reaches past its packet', "82 r6 m1 s9 'a' 00", 4, 0x81],
    ['reserved packet type', '00 r0', 4, 0x82],
    ['a packet for servers only', '20 r2 0000', 4, 0x82],
    ['a second CONNECT', '10 r0', 4, 0x82],
    ['AUTH', 'F0 r2 1800', 5, 0x82],
    ['no CONNECT first', 'C0 r0', undefined, 0x82],
    ['will QoS 3', "10 r19 s4 'MQTT' 04 1E k1 s1 'p' s1 'p' s1 'p'", undefined, 0x81],
    ['will retain without a will', "10 r13 s4 'MQTT' 04 22 k1 s1 'p'", undefined, 0x81],
    ['password without user name in 3.1.1', "10 r16 s4 'MQTT' 04 42 k1 s1 'p' s1 'p'", undefined, 0x81],
    ['password without user name in 5.0', "10 r17 s4 'MQTT' 05 42 k1 00 s1 'p' s1 'p'", undefined, 'fine'],
    ['level 6', "10 r13 s4 'MQTT' 06 02 k1 s1 'p'", undefined, 0x84],
    ['the bridge bit', "10 r13 s4 'MQTT' 84 02 k1 s1 'p'", undefined, 0x84],
    ['another protocol', "10 r13 s4 'HTTP' 04 02 k1 s1 'p'", undefined, 0x81],
    ['a property twice', "30 r14 s1 'a' v10 02 L1 02 L1", 5, 0x82],
    ['a property of another packet', "30 r9 s1 'a' v5 11 L1", 5, 0x81],
    ['an unknown property', "30 r6 s1 'a' v2 7F 00", 5, 0x81],
    ['a cut property', "30 r5 s1 'a' v1 08", 5, 0x81],
    ['a property that reaches past the property length', "30 r7 s1 'a' v3 08 s5", 5, 0x81],
    ['a flag of 2', "30 r6 s1 'a' v2 01 02", 5, 0x82],
    ['topic alias 0', "30 r7 s1 'a' v3 23 0000", 5, 0x94],
    ['receive maximum 0', "10 r17 s4 'MQTT' 05 02 k1 v3 21 0000 s1 'p'", undefined, 0x82],
    ['subscription identifier 0', "82 r9 m1 v2 0B 00 s1 'a' 00", 5, 0x82],
    ['a variable integer longer than needed', "82 r10 m1 v3 0B 8100 s1 'a' 00", 5, 0x81],
    ['a variable integer of five bytes', "82 r13 m1 v6 0B 8080808001 s1 'a' 00", 5, 0x81],
    ['a reason code that no client gives', 'E0 r1 8E', 5, 0x82],
    ['an unknown reason code in PUBREL', '62 r3 m1 80', 5, 0x82],
    ['remaining length of five bytes', '30 8080808001', 4, 0x81],
    ['remaining length, not yet whole', '30 80', 4, 'incomplete'],
  ] as const)('%s', (_name, notation, version, code) => {
    expect(codeOf(notation, version)).toBe(code);
  });

  it('more than 100 user properties are refused', () => {
    const body = (count: number) => {
      const users = Buffer.concat(Array.from({ length: count }, () => bytesOf('26 s0 s0')));
      return packetOf(0x30, Buffer.concat([bytesOf(`s1 'a' v${users.length}`), users]));
    };
    expect(decode(body(100), 5)).toHaveProperty('packet');
    expect(decode(body(101), 5)).toHaveProperty('refusal.reasonCode', 0x83);
  });

  it('user properties may carry any name and touch no prototype', () => {
    const result = decode(bytesOf("30 r21 s1 't' v17 26 s9 '__proto__' s3 'xxx'"), 5);
    expect(result).toHaveProperty('packet');
    expect(({} as Record<string, unknown>).xxx).toBeUndefined();
  });
});
