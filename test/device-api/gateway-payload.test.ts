import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readArrays,
  readAttributeRequest,
  readNamed,
  readObjects,
  readRpcReply,
} from '../../src/device-api/gateway-payload.ts';
import { type JsonValue, parseJson } from '../../src/model/json.ts';

const json = (text: string): JsonValue => {
  const parsed = parseJson(text, { maxDepth: 1_000 });
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value;
};

describe('gateway payloads (thingsboard-device-api 4)', () => {
  it('names are trimmed; type is default when absent, empty or no text', () => {
    for (const type of ['', ',"type":" "', ',"type":5', ',"type":null']) {
      expect(readNamed(json(`{"device":" A "${type}}`))).toEqual({
        ok: true,
        value: { device: 'A', type: 'default' },
      });
    }
    expect(readNamed(json('{"device":"A","type":"t"}'))).toEqual({ ok: true, value: { device: 'A', type: 't' } });
  });

  it.each(['5', 'null', '[]', '"A"', '1.50', '{}', '{"device":5}', '{"device":""}', '{"device":null}'])(
    '%s names no device',
    (text) => {
      expect(readNamed(json(text)).ok).toBe(false);
      expect(readAttributeRequest(json(text)).ok).toBe(false);
      expect(readRpcReply(json(text)).ok).toBe(false);
    },
  );

  it('members of the wrong kind are left out, unless none is left', () => {
    expect(readArrays(json('{"A":{"t":1},"B":[{"t":1}],"C":null,"__proto__":[]}'))).toEqual({
      ok: true,
      value: [
        { device: 'B', value: [{ t: 1 }] },
        { device: '__proto__', value: [] },
      ],
    });
    expect(readObjects(json('{"A":{"t":1},"B":[{"t":1}],"C":1.50}'))).toEqual({
      ok: true,
      value: [{ device: 'A', value: { t: 1 } }],
    });
    expect(readArrays(json('{"A":{"t":1}}')).ok).toBe(false);
    expect(readObjects(json('{"A":[]}')).ok).toBe(false);
    expect(readObjects(json('{" ":{}}')).ok).toBe(false);
  });

  it('an attribute request has one key or a list of them, each once', () => {
    const ask = (rest: string) => readAttributeRequest(json(`{"id":1,"device":"A",${rest}}`));
    const value = { id: 1, device: 'A', scope: 'CLIENT_SCOPE' };
    expect(ask('"client":true,"key":"k"')).toEqual({ ok: true, value: { ...value, keys: ['k'] } });
    expect(ask('"client":true,"keys":["k","l","k"]')).toEqual({ ok: true, value: { ...value, keys: ['k', 'l'] } });
    expect(ask('"client":false,"keys":["k"]')).toMatchObject({ value: { scope: 'SHARED_SCOPE' } });
    for (const wrong of ['"key":"k"', '"client":1,"key":"k"', '"client":true', '"client":true,"keys":[]']) {
      expect(ask(wrong).ok).toBe(false);
    }
  });

  it('whatever JSON comes is read or refused, and no name is empty', () => {
    const readers = [readNamed, readArrays, readObjects, readAttributeRequest, readRpcReply];
    fc.assert(
      fc.property(fc.json(), (text) => {
        for (const read of readers) {
          const form = read(json(text));
          if (!form.ok) continue;
          const named = Array.isArray(form.value) ? form.value : [form.value];
          for (const { device } of named) expect(device).toMatch(/\S/);
        }
      }),
    );
  });

  it('ids are whole numbers, as numbers or as text', () => {
    const id = (text: string) => readRpcReply(json(`{"device":"A","id":${text},"data":{"ok":true}}`));
    for (const text of ['3', '"3"']) {
      expect(id(text)).toEqual({ ok: true, value: { device: 'A', id: 3, text: '{"ok":true}' } });
    }
    for (const text of ['1.5', '"x"', 'null', '12345678901234567890', '""']) expect(id(text).ok).toBe(false);
  });
});
