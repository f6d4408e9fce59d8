import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameSplitter, type Frame, isRefusal } from '../../../src/transport/mqtt/packet-frames.ts';
import { packetOf } from '../../helpers/mqtt-raw.ts';

const open = { checkFirst: () => undefined, maxPacketBytes: () => 100_000 };

const bodyOf = ({ bytes, start, end }: Frame): Buffer => bytes.subarray(start, end);

describe('createFrameSplitter', () => {
  it('gives the same packets however the bytes are cut', () => {
    const bodies = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (all, cuts) => {
        const stream = Buffer.concat(all.map((body) => packetOf(0x30, Buffer.from(body))));
        const splitter = createFrameSplitter(open);
        const seen: string[] = [];
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          splitter.push(stream.subarray(at, at + size));
          at += size;
          for (let next = splitter.next(); next; next = splitter.next())
            seen.push(isRefusal(next) ? next.reason : bodyOf(next).toString('hex'));
        }
        expect(seen).toEqual(all.map((body) => Buffer.from(body).toString('hex')));
        expect(splitter.held).toBe(0);
      }),
    );
  });

  it('packets given out keep their bytes while later ones come', () => {
    const splitter = createFrameSplitter(open);
    const given: Frame[] = [];
    const stream = Buffer.concat([1, 2, 3, 4].map((fill) => packetOf(0x30, Buffer.alloc(5, fill))));
    for (const byte of stream) {
      splitter.push(Buffer.from([byte]));
      const next = splitter.next();
      if (next && !isRefusal(next)) given.push(next);
    }
    expect(given.map((each) => [...bodyOf(each)])).toEqual([1, 2, 3, 4].map((fill) => Array(5).fill(fill)));
  });

  it('the limit counts the whole packet, and one byte more is refused from the fixed header', () => {
    const limited = { ...open, maxPacketBytes: () => 202 };
    const fits = createFrameSplitter(limited);
    fits.push(packetOf(0x30, Buffer.alloc(199)));
    expect(fits.next()).toMatchObject({ first: 0x30 });
    const above = createFrameSplitter(limited);
    above.push(packetOf(0x30, Buffer.alloc(200)).subarray(0, 3));
    expect(above.next()).toMatchObject({ reasonCode: 0x95 });
  });

  it('judges the first byte before the length has come', () => {
    const splitter = createFrameSplitter({
      ...open,
      checkFirst: (first) => ({ reason: `${first}`, reasonCode: 0x82 }),
    });
    splitter.push(Buffer.from([0x40]));
    expect(splitter.next()).toEqual({ reason: '64', reasonCode: 0x82 });
  });
});
