import { describe, expect, it } from 'vitest';
import { readProperties } from '../../src/dialects/alibaba/properties.ts';
import { compressionOf } from '../../src/dialects/compression.ts';
import { readMeasurepoints } from '../../src/dialects/enos/measurepoints.ts';
import { fitsMethod } from '../../src/dialects/operation.ts';
import { type JsonValue, parseJson, stringifyJson } from '../../src/model/json.ts';

const json = (text: string): JsonValue => {
  const parsed = parseJson(text, { maxDepth: 16 });
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value;
};

describe('samples of other dialects', () => {
  it('a measurepoint is a value, or a value with its quality; other objects are values', () => {
    const item = json('{"measurepoints":{"a":1.50,"b":{"value":2,"quality":0},"c":{"x":1},"d":null},"time":"7"}');
    const read = readMeasurepoints(item, 1);
    expect(read.ok && stringifyJson(read.value)).toBe(
      '{"ts":"7","values":{"a":1.50,"b":2,"b_quality":0,"c":{"x":1},"d":null}}',
    );
  });

  it('without a time it is now', () => {
    expect(readMeasurepoints(json('{"measurepoints":{}}'), 5)).toEqual({ ok: true, value: { ts: 5, values: {} } });
  });

  it.each(['null', '7', '{}', '{"measurepoints":[]}', '[]'])('%s is no measurepoints', (text) => {
    expect(readMeasurepoints(json(text), 1).ok).toBe(false);
  });

  it('properties of one time are one sample', () => {
    const read = readProperties(
      json('{"a":{"value":1,"time":5},"b":{"value":2,"time":5},"c":{"value":3,"time":6}}'),
      1,
    );
    expect(read.ok && stringifyJson(read.value)).toBe('[{"ts":5,"values":{"a":1,"b":2}},{"ts":6,"values":{"c":3}}]');
  });

  it.each(['"x"', '[]', '{}', 'true', '12345678901234567890'])(
    '%s is no time, which is named as it was sent',
    (time) => {
      const refused = { ok: false, problem: '"time" must be an integer of milliseconds' };
      expect(readProperties(json(`{"a":{"value":1,"time":${time}}}`), 1)).toEqual(refused);
      expect(readMeasurepoints(json(`{"measurepoints":{"a":1},"time":${time}}`), 1)).toEqual(refused);
    },
  );

  it.each(['{}', '[]', 'null', '"x"'])('%s has no property', (text) => {
    expect(readProperties(json(text), 1).ok).toBe(false);
  });

  it('only the braces at the end of a client id say how payloads are packed', () => {
    expect(compressionOf('dK{ip=1,compress=GZIP}').kind).toBe('gzip');
    expect(compressionOf('dK{ip=1,version=2}').kind).toBe('none');
    expect(compressionOf('compress=GZIP').kind).toBe('none');
    expect(compressionOf('dK{compress=LZ4}').kind).toBe('unknown');
  });

  it('what is packed is not unpacked beyond the limit, and what is not packed is as it is', () => {
    const { pack, unpack } = compressionOf('dK{compress=gzip}');
    const packed = Buffer.from(pack('x'.repeat(1_000)));
    expect(unpack(packed, 1_000)?.length).toBe(1_000);
    expect(unpack(packed, 999)).toBeUndefined();
    expect(unpack(packed.subarray(0, 12), 1_000)).toBeUndefined();
    expect(unpack(Buffer.from('{}'), 1_000)?.toString()).toBe('{}');
  });

  it('a method fits its topic only', () => {
    expect(fitsMethod('thing/measurepoint/post', 'thing.measurepoint.post')).toBe(true);
    expect(fitsMethod('thing/measurepoint/post', 'thing.measurepoint.resume')).toBe(false);
    expect(fitsMethod('thing/event/property/post', 'thing.event.other.post')).toBe(false);
  });
});
