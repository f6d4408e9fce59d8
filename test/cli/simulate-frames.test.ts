import mqtt, { type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { AnswerReader, connectFrame, pubackFrame, publishFrame } from '../../src/cli/simulate-frames.ts';

const versions = [4, 5] as const;

function parsed(bytes: Buffer, version: 4 | 5): Packet {
  const packets: Packet[] = [];
  const parser = mqtt.parser({ protocolVersion: version });
  parser.on('packet', (packet) => packets.push(packet));
  parser.parse(bytes);
  const [packet, ...more] = packets;
  if (packet === undefined || more.length > 0) throw new Error(`${packets.length} packets`);
  return packet;
}

describe('packets of a simulated meter, read by mqtt-packet', () => {
  it.each(versions)('CONNECT, version %i', (version) => {
    const bytes = connectFrame({ version, clientId: 'm-1', userName: 'tökén', keepalive: 300 });
    expect(parsed(bytes, version)).toMatchObject({
      cmd: 'connect',
      protocolVersion: version,
      clean: true,
      keepalive: 300,
      clientId: 'm-1',
      username: 'tökén',
    });
  });

  it.each(versions.flatMap((version) => [0, 100, 200, 20_000].map((size) => [version, size] as const)))(
    'PUBLISH, version %i, %i bytes',
    (version, size) => {
      const payload = Buffer.alloc(size, 'x');
      const packet = parsed(publishFrame(version, 'v1/devices/me/telemetry', 513, payload), version);
      expect(packet).toMatchObject({
        cmd: 'publish',
        topic: 'v1/devices/me/telemetry',
        messageId: 513,
        qos: 1,
        payload,
      });
    },
  );

  it('PUBACK', () => {
    expect(parsed(pubackFrame(40_000), 4)).toMatchObject({ cmd: 'puback', messageId: 40_000 });
  });
});

describe('AnswerReader', () => {
  it.each(versions)('reads what mqtt-packet writes, cut at every byte, version %i', (version) => {
    const five = version === 5;
    const packets: Packet[] = [
      { cmd: 'connack', sessionPresent: false, ...(five ? { reasonCode: 134 } : { returnCode: 5 }) } as Packet,
      { cmd: 'puback', messageId: 300, ...(five ? { reasonCode: 0x99 } : {}) } as Packet,
      {
        cmd: 'publish',
        topic: 'a/b',
        payload: Buffer.from('{}'),
        qos: 1,
        messageId: 9,
        dup: false,
        retain: false,
        ...(five ? { properties: { userProperties: { key: 'value' } } } : {}),
      } as Packet,
      { cmd: 'publish', topic: 'c', payload: Buffer.alloc(300), qos: 0, dup: false, retain: false },
      { cmd: 'pingresp' },
    ];
    const bytes = Buffer.concat(packets.map((packet) => mqtt.generate(packet, { protocolVersion: version })));
    for (let cut = 1; cut < bytes.length; cut++) {
      const reader = new AnswerReader(version);
      const answers = [...reader.read(bytes.subarray(0, cut)), ...reader.read(bytes.subarray(cut))];
      expect(answers).toEqual([
        { kind: 'connack', code: five ? 134 : 5 },
        { kind: 'puback', id: 300, code: five ? 0x99 : 0 },
        { kind: 'publish', topic: 'a/b', payload: Buffer.from('{}'), id: 9 },
        { kind: 'publish', topic: 'c', payload: Buffer.alloc(300) },
        { kind: 'other' },
      ]);
    }
  });

  it('refuses bytes that announce too much', () => {
    expect(() => new AnswerReader(4).read(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]))).toThrow('bytes');
    expect(() => new AnswerReader(4).read(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1]))).toThrow('length');
  });
});
