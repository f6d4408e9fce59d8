import { generate, parse } from 'coap-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blockOption, readBlock } from '../../../src/transport/coap/block.ts';
import {
  type CoapMessage,
  codeText,
  decodeMessage,
  encodeMessage,
  readUint,
  uintOption,
} from '../../../src/transport/coap/codec.ts';

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const TYPES = ['con', 'non', 'ack', 'rst'] as const;
const messages: fc.Arbitrary<CoapMessage> = fc
  .record({
    type: fc.constantFrom(...TYPES),
    code: fc.constantFrom(0x01, 0x02, 0x05, 0x41, 0x45, 0x5f, 0x80, 0x84, 0xa0),
    id: fc.integer({ min: 0, max: 65_535 }),
    token: bytes(8),
    options: fc.array(fc.record({ number: fc.integer({ min: 1, max: 65_000 }), value: bytes(300) }), { maxLength: 12 }),
    payload: bytes(1_500),
  })
  .map((message) => ({ ...message, options: [...message.options].sort((a, b) => a.number - b.number) }));

describe('the codec, held against coap-packet', () => {
  it('writes what coap-packet reads', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const read = parse(encodeMessage(message));
        expect(read.code).toBe(codeText(message.code));
        expect([read.messageId, read.token]).toEqual([message.id, message.token]);
        expect([read.confirmable, read.ack, read.reset]).toEqual(
          ['con', 'ack', 'rst'].map((type) => type === message.type),
        );
        expect(read.options.map(({ value }) => value)).toEqual(message.options.map(({ value }) => value));
        expect(read.payload).toEqual(message.payload);
      }),
      { numRuns: 500 },
    );
  });

  it('reads what coap-packet writes, and what it wrote itself', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual({ ok: true, message });
        const { type, code, id, token, options, payload } = message;
        const written = generate(
          {
            code: codeText(code),
            messageId: id,
            token,
            payload,
            options: options.map(({ number, value }) => ({ name: String(number), value })),
            confirmable: type === 'con',
            ack: type === 'ack',
            reset: type === 'rst',
          },
          10_000,
        );
        // It writes no payload that reads as an empty text.
        if (payload.toString() !== '' || payload.length === 0)
          expect(decodeMessage(written)).toEqual({ ok: true, message });
      }),
      { numRuns: 500 },
    );
  });

  it('takes any bytes without throwing; what it reads, it writes alike', () => {
    const anything = fc.oneof(
      bytes(60),
      fc.tuple(messages, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
        const datagram = encodeMessage(message);
        datagram[at % datagram.length] = byte;
        return datagram;
      }),
      fc.tuple(messages, fc.nat(1_000)).map(([message, end]) => encodeMessage(message).subarray(0, end)),
    );
    fc.assert(
      fc.property(anything, (datagram) => {
        const decoded = decodeMessage(datagram);
        if (decoded.ok) expect(decodeMessage(encodeMessage(decoded.message))).toEqual(decoded);
        else expect(decoded.problem).toMatch(/\w/);
      }),
      { numRuns: 3_000 },
    );
  });

  it('refuses more than 64 options, and numbers above 65535', () => {
    const many = { type: 'con', code: 1, id: 1, token: Buffer.alloc(0), payload: Buffer.alloc(0) } as const;
    const option = { number: 11, value: Buffer.from('a') };
    expect(decodeMessage(encodeMessage({ ...many, options: Array(64).fill(option) })).ok).toBe(true);
    expect(decodeMessage(encodeMessage({ ...many, options: Array(65).fill(option) }))).toMatchObject({
      ok: false,
      reset: 1,
    });
    expect(decodeMessage(Buffer.from('40010001e0ffffe0ffff', 'hex'))).toMatchObject({ ok: false, reset: 1 });
  });
});

describe('numbers in options', () => {
  it.each([
    [0, ''],
    [1, '01'],
    [255, 'ff'],
    [256, '0100'],
    [65_536, '010000'],
    [0xffffff, 'ffffff'],
  ])('%i is %s', (value, hex) => {
    const option = uintOption(14, value);
    expect(option.value.toString('hex')).toBe(hex);
    expect(readUint(option.value)).toBe(value);
  });

  it('blocks are read as they were written; the size of 2048 is reserved', () => {
    for (const number of [0, 1, 15, 16, 4_095, 4_096, 0xfffff]) {
      for (const size of [16, 64, 1_024]) {
        for (const more of [true, false]) {
          const option = blockOption(23, { number, more, size });
          expect([option.value.length <= 3, readBlock(option.value)]).toEqual([true, { number, more, size }]);
        }
      }
    }
    expect(readBlock(Buffer.from([0x07]))).toBeUndefined();
  });
});
