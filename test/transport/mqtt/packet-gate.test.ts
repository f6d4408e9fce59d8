import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientPacket } from '../../../src/transport/mqtt/packet-decoder.ts';
import { createPacketGate, defaultGateLimits, type GateLimits } from '../../../src/transport/mqtt/packet-gate.ts';
import { filterFault, topicFault } from '../../../src/transport/mqtt/packet-names.ts';

const connect = (more: Partial<Extract<ClientPacket, { cmd: 'connect' }>> = {}): ClientPacket => ({
  cmd: 'connect',
  length: 20,
  clientId: 'meter',
  protocolVersion: 5,
  clean: true,
  ...more,
});
const publish = (more: Partial<Extract<ClientPacket, { cmd: 'publish' }>> = {}): ClientPacket => ({
  cmd: 'publish',
  length: 10,
  topic: 'v1/devices/me/telemetry',
  payload: Buffer.alloc(0),
  qos: 0,
  dup: false,
  retain: false,
  ...more,
});
const subscribe = (...topics: string[]): ClientPacket => ({
  cmd: 'subscribe',
  length: 10,
  messageId: 1,
  subscriptions: topics.map((topic) => ({ topic, qos: 0 })),
});
const ack = (cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number, reasonCode = 0): ClientPacket => ({
  cmd,
  length: 2,
  messageId,
  reasonCode,
});

function gate(limits: Partial<GateLimits> = {}) {
  return createPacketGate({ ...defaultGateLimits, ...limits });
}

function codeFor(packet: ClientPacket, limits: Partial<GateLimits> = {}): number | string {
  const verdict = gate(limits).inspect(packet);
  return typeof verdict === 'object' && 'drop' in verdict ? verdict.reasonCode : String(verdict);
}

describe('names', () => {
  it.each(Object.getOwnPropertyNames(Object.prototype))('%s is no client id, topic or filter', (name) => {
    expect(codeFor(connect({ clientId: name }))).toBe(0x85);
    expect(codeFor(publish({ topic: name }))).toBe(0x90);
    expect(codeFor(subscribe(name))).toBe(0x8f);
    expect(codeFor({ cmd: 'unsubscribe', length: 5, messageId: 1, unsubscriptions: [name] })).toBe(0x8f);
    expect(codeFor(connect({ will: { topic: name, payload: '' } }))).toBe(0x90);
  });

  it('ordinary names pass', () => {
    expect(gate().inspect(connect())).toBe('pass');
    expect(gate().inspect(publish())).toBe('pass');
    expect(gate().inspect(publish({ topic: '/provision' }))).toBe('pass');
    expect(gate().inspect(subscribe('v1/devices/me/rpc/request/+', '#', '+', '+/a/#', '/'))).toBe('pass');
  });

  it.each(['+a', 'a+', 'a/+b', 'a#', '#/a', 'a/#/b', '##', ''])('%j is no filter', (filter) => {
    expect(codeFor(subscribe('a', filter))).toBe(0x81);
  });

  it.each(['+', 'a/#', 'a/+/b'])('%j is no topic', (topic) => {
    expect(codeFor(publish({ topic }))).toBe(0x81);
    expect(codeFor(connect({ will: { topic, payload: '' } }))).toBe(0x81);
    expect(codeFor(publish({ properties: { responseTopic: topic } }))).toBe(0x82);
  });

  it('filters are right exactly when each wildcard fills a level and # stands last', () => {
    const level = fc.constantFrom('', 'a', '+', '#', 'a+', '+a', '#a', 'a#');
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 6 }), (levels) => {
        const filter = levels.join('/');
        const right =
          filter !== '' &&
          levels.every((each, i) => each === '+' || (each === '#' && i === levels.length - 1) || !/[+#]/.test(each));
        expect(filterFault(filter, defaultGateLimits) === undefined).toBe(right);
        expect(topicFault(filter, defaultGateLimits) === undefined).toBe(right && !/[+#]/.test(filter));
      }),
    );
  });
});

describe('bounds', () => {
  it('of levels, length and number', () => {
    const deep = (levels: number) => Array(levels).fill('a').join('/');
    expect(codeFor(publish({ topic: deep(4) }), { maxTopicLevels: 4 })).toBe('pass');
    expect(codeFor(publish({ topic: deep(5) }), { maxTopicLevels: 4 })).toBe(0x90);
    expect(codeFor(subscribe(deep(5)), { maxTopicLevels: 4 })).toBe(0x8f);
    expect(codeFor(publish({ topic: 'abcde' }), { maxTopicLength: 4 })).toBe(0x90);
    expect(codeFor(subscribe('a', 'b', 'c'), { maxFiltersPerPacket: 2 })).toBe(0x97);
    expect(codeFor(connect({ clientId: 'abcde' }), { maxClientIdLength: 4 })).toBe(0x85);
  });

  it('MQTT 3.1 client ids have 1 to 23 characters', () => {
    const id = (length: number) => codeFor(connect({ protocolVersion: 3, clientId: 'x'.repeat(length) }));
    expect([id(0), id(1), id(23), id(24)]).toEqual([0x85, 'pass', 'pass', 0x85]);
  });

  it('a 3.1.1 client without an id must be clean', () => {
    expect(codeFor(connect({ protocolVersion: 4, clientId: '', clean: false }))).toBe(0x85);
    expect(codeFor(connect({ protocolVersion: 4, clientId: '', clean: true }))).toBe('pass');
    expect(codeFor(connect({ protocolVersion: 5, clientId: '', clean: false }))).toBe('pass');
  });

  it('a Maximum Packet Size that no CONNACK fits is refused', () => {
    expect(codeFor(connect({ properties: { maximumPacketSize: 15 } }))).toBe(0x95);
    expect(codeFor(connect({ properties: { maximumPacketSize: 16 } }))).toBe('pass');
  });
});

describe('MQTT 5', () => {
  it('topic aliases are not offered', () => {
    expect(codeFor(publish({ properties: { topicAlias: 1 } }))).toBe(0x94);
    expect(codeFor(publish({ topic: '', properties: { topicAlias: 1 } }))).toBe(0x94);
    expect(codeFor(publish({ topic: '' }))).toBe(0x82);
  });

  it('a shared subscription cannot be no local', () => {
    const shared: ClientPacket = {
      cmd: 'subscribe',
      length: 9,
      messageId: 1,
      subscriptions: [{ topic: '$share/g/t', qos: 0, nl: true }],
    };
    expect(codeFor(shared)).toBe(0x82);
  });

  it('a session expiry of 0 cannot be raised at the end', () => {
    const end: ClientPacket = { cmd: 'disconnect', length: 7, properties: { sessionExpiryInterval: 1 } };
    const ephemeral = gate();
    ephemeral.inspect(connect());
    expect(ephemeral.inspect(end)).toMatchObject({ reasonCode: 0x82 });
    const lasting = gate();
    lasting.inspect(connect({ properties: { sessionExpiryInterval: 60 } }));
    expect(lasting.inspect(end)).toBe('pass');
  });
});

describe('QoS 2 from the client', () => {
  it('each id passes once, and is repeated without aedes', () => {
    const it = gate();
    const message = publish({ qos: 2, messageId: 7 });
    expect(it.inspect(message)).toBe('pass');
    expect(it.inspect(message)).toBe('ignore');
    it.settled(7, false);
    expect(it.inspect(message)).toEqual({ answer: { cmd: 'pubrec', messageId: 7, reasonCode: 0 } });
    expect(it.inspect(ack('pubrel', 7))).toBe('pass');
    expect(it.inspect(ack('pubrel', 7))).toEqual({ answer: { cmd: 'pubcomp', messageId: 7, reasonCode: 0x92 } });
    expect(it.inspect(message)).toBe('pass');
  });

  it('PUBREL of an unknown id never passes', () => {
    expect(gate().inspect(ack('pubrel', 1))).toMatchObject({ answer: { cmd: 'pubcomp' } });
  });

  it('PUBREL before the PUBREC is a protocol error', () => {
    const it = gate();
    it.inspect(publish({ qos: 2, messageId: 7 }));
    expect(it.inspect(ack('pubrel', 7))).toMatchObject({ reasonCode: 0x82 });
  });

  it('a refused id is free again', () => {
    const it = gate();
    it.inspect(publish({ qos: 2, messageId: 7 }));
    it.settled(7, true);
    expect(it.inspect(publish({ qos: 2, messageId: 7 }))).toBe('pass');
  });

  it('open handshakes are bounded', () => {
    const it = gate({ maxOpenQos2: 3 });
    for (const messageId of [1, 2, 3]) expect(it.inspect(publish({ qos: 2, messageId }))).toBe('pass');
    expect(it.inspect(publish({ qos: 2, messageId: 4 }))).toMatchObject({ reasonCode: 0x93 });
  });
});

describe('acknowledgements of our messages', () => {
  it('are seen once, with their code', () => {
    const it = gate();
    it.sent(5);
    expect(it.unacknowledged.has(5)).toBe(true);
    expect(it.inspect(ack('puback', 5, 0x10))).toEqual({ acknowledged: 5, reasonCode: 0x10 });
    expect(it.unacknowledged.size).toBe(0);
    expect(it.inspect(ack('puback', 5))).toBe('ignore');
  });

  it('of another kind end the connection', () => {
    const it = gate();
    it.sent(5);
    expect(it.inspect(ack('pubrec', 5))).toMatchObject({ reasonCode: 0x82 });
    expect(it.inspect(ack('pubcomp', 5))).toMatchObject({ reasonCode: 0x82 });
  });

  it('of unknown ids are answered as the handshake wants', () => {
    expect(gate().inspect(ack('pubrec', 9))).toMatchObject({ answer: { cmd: 'pubrel', reasonCode: 0x92 } });
    expect(gate().inspect(ack('pubrec', 9, 0x80))).toBe('ignore');
    expect(gate().inspect(ack('pubcomp', 9))).toBe('ignore');
  });

  it('are left to aedes where aedes writes the messages', () => {
    for (const cmd of ['puback', 'pubrec', 'pubcomp'] as const)
      expect(gate({ downlinks: 'aedes' }).inspect(ack(cmd, 1))).toBe('pass');
  });
});

it('packets that only servers send are refused, should one ever be decoded', () => {
  const suback: ClientPacket = { cmd: 'suback', length: 3, messageId: 1, granted: [0] };
  expect(gate().inspect(suback)).toMatchObject({ reasonCode: 0x82 });
});
