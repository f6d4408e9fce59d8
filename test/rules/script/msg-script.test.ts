import { describe, expect, it } from 'vitest';
import { ExactNumber, parseJson, stringifyJson } from '../../../src/model/json.ts';
import type { Msg } from '../../../src/model/msg.ts';
import { Secret } from '../../../src/model/secret.ts';
import { compileScript, type MsgScript, type ScriptLang } from '../../../src/rules/script/index.ts';
import { testMsg } from '../../helpers/chain-kit.ts';
import { NOW } from './run-script.ts';

function compiled(text: string, lang: ScriptLang = 'JS'): MsgScript {
  const result = compileScript(text, { lang });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.script;
}

const transform = (text: string, msg: Partial<Msg> = {}, lang?: ScriptLang) =>
  compiled(text, lang).transform(testMsg(msg), NOW);

function exact(text: string) {
  const parsed = parseJson(text, { maxDepth: 64 });
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value as Record<string, never>;
}

describe('scripts over messages', () => {
  it('a filter gives true or false and nothing else', () => {
    expect(compiled('return msg.a > 1;').test(testMsg({ data: { a: 2 } }), NOW)).toBe(true);
    for (const text of ['return 1;', "return 'true';", 'return null;', 'return msg;', '', 'if (false) return true;']) {
      expect(() => compiled(text).test(testMsg(), NOW)).toThrow(/a filter returns true or false, not/);
    }
  });

  it('a switch gives a text or texts', () => {
    expect(compiled("return 'a';").labels(testMsg(), NOW)).toEqual(['a']);
    expect(compiled("return ['a', 'b'];").labels(testMsg(), NOW)).toEqual(['a', 'b']);
    expect(compiled('return [];').labels(testMsg(), NOW)).toEqual([]);
    for (const text of ['return 5;', 'return [1];', 'return null;', "return {a: 'b'};"]) {
      expect(() => compiled(text).labels(testMsg(), NOW)).toThrow(/a switch returns a text or a list of texts/);
    }
    expect(() => compiled("return ['a', 1];").labels(testMsg(), NOW)).toThrow('not a list with a number in it');
  });

  it('a part of a transform that is missing, null or empty keeps the old one', () => {
    const msg = { data: { a: 1 }, metadata: { k: 'v' }, type: 'T' };
    for (const text of ['return {};', 'return {msg: null, metadata: null, msgType: null};', "return {msgType: ''};"]) {
      expect(transform(text, msg)).toMatchObject([msg]);
    }
    expect(transform("return {msg: [1], metadata: {k: 'w'}, msgType: 'U'};", msg)).toMatchObject([
      { data: [1], metadata: { k: 'w' }, type: 'U' },
    ]);
  });

  it('metadata become texts; what is no text in them is a failure in JS, JSON text in TBEL', () => {
    const text =
      "metadata.n = 1.5; metadata.b = true; metadata.x = null; metadata.t = 'x'; return {metadata: metadata};";
    for (const lang of ['JS', 'TBEL'] as const) {
      expect(transform(text, { metadata: { old: 'o' } }, lang)).toMatchObject([
        { metadata: { old: 'o', n: '1.5', b: 'true', t: 'x' } },
      ]);
    }
    expect(() => transform('metadata.o = {a: 1}; return {metadata};')).toThrow(
      'metadata.o is an object: metadata are texts',
    );
    expect(transform('metadata.o = {a: [1]}; return {metadata: metadata};', {}, 'TBEL')).toMatchObject([
      { metadata: { o: '{"a":[1]}' } },
    ]);
  });

  it('one call gives several messages', () => {
    const all = transform('return msg.all.map(v => ({msg: {v}}));', { data: { all: [1, 2, 3] } });
    expect(all.map(({ data }) => data)).toEqual([{ v: 1 }, { v: 2 }, { v: 3 }]);
    for (const text of ['return [];', 'return [1];', 'return 5;', "return 'x';", 'return null;']) {
      expect(() => transform(text)).toThrow(/a transform returns/);
    }
  });

  it('the message that came in is never changed, whatever the script does', () => {
    const data = { a: { b: [1, { c: 2 }] }, list: [3, 1, 2] };
    const metadata = { k: 'v' };
    const before = JSON.stringify([data, metadata]);
    const scripts = [
      'msg.a.b[1].c = 9; return {msg};',
      'msg.list.sort(); msg.list.push(5); return {msg};',
      'delete msg.a; metadata.k = 1; return {msg, metadata};',
      'Object.assign(msg.a, {x: 1}); return {msg};',
      'var l = msg.list; l[0]++; return {msg};',
      'const { a } = msg; a.b = 1; return {msg};',
      'var x = {}; [msg.a.b] = [5]; return {msg};',
      'for (msg.a of [1, 2]) {} return {msg};',
      'msg.list.splice(0, 1); msg.list.reverse(); return {msg};',
    ];
    for (const text of scripts) transform(text, { data, metadata });
    for (const text of ["msg.put('z', 1); msg.list.add(1); msg.remove('a'); msg.a2 = 1; return {msg: msg};"]) {
      transform(text, { data, metadata }, 'TBEL');
    }
    expect(JSON.stringify([data, metadata])).toBe(before);
  });

  it('a body that the script hands on untouched is the same, received text and all', () => {
    const msg = testMsg({ data: { a: 1 }, text: '{"a":1.0}' });
    const [out] = compiled("return {msg, metadata, msgType: 'U'};").transform(msg, NOW);
    expect(out).toMatchObject({ type: 'U', text: '{"a":1.0}' });
    expect(out?.data).toBe(msg.data);
  });

  it('numbers that a script does not touch keep their digits', () => {
    const data = exact('{"id":12345678901234567890,"t":42.0,"deep":{"x":1.50},"n":7}');
    const [out] = transform('msg.n++; msg.copy = msg.id; msg.list = [msg.t]; return {msg};', { data });
    expect(stringifyJson(out?.data as never)).toBe(
      '{"id":12345678901234567890,"t":42.0,"deep":{"x":1.50},"n":8,"copy":12345678901234567890,"list":[42.0]}',
    );
    const read =
      "return {msg: {sum: msg.t + 1, text: 'id ' + msg.id, same: msg.t === 42, is: typeof msg.id, fixed: msg.t.toFixed(1), json: JSON.stringify(msg.deep)}};";
    expect(transform(read, { data })[0]?.data).toEqual({
      sum: 43,
      text: 'id 12345678901234567890',
      same: true,
      is: 'number',
      fixed: '42.0',
      json: '{"x":1.50}',
    });
    expect(compiled('return msg.id;').json(testMsg({ data }), NOW)).toEqual(new ExactNumber('12345678901234567890'));
  });

  it('what JSON has not is a failure that names the place', () => {
    expect(() => transform('return {msg: {a: {b: [0 / 0]}}};')).toThrow('msg.a.b[0] is NaN: JSON has no such number');
    expect(() => transform('return {msg: {f: () => 1}};')).toThrow('msg.f is a function');
    expect(() => transform('var o = {}; o.o = o; return {msg: o};')).toThrow('nested deeper than 64');
    expect(transform('return {msg: {a: undefined, d: new Date(0), l: [undefined]}};')[0]?.data).toEqual({
      d: '1970-01-01T00:00:00.000Z',
      l: [null],
    });
    const wide = "var s = 'x'.repeat(90000); return {msg: [s, s, s, s]};";
    expect(() => transform(wide)).toThrow('the result is larger than 300000 characters');
  });

  it("the clock is the message's", () => {
    expect(
      compiled('return [Date.now(), new Date().getTime(), new Date().toISOString()];').json(testMsg(), NOW),
    ).toEqual([NOW, NOW, new Date(NOW).toISOString()]);
  });

  it('a failure names line and column, a thrown text is the reason', () => {
    const text = 'var a = msg.list;\nif (msg.a > 1) {\n  return {msg: a.first.name};\n}';
    expect(() => transform(text, { data: { a: 2, list: {} } })).toThrow(
      'script line 3, column 24: cannot read "name" of undefined',
    );
    expect(() => transform("throw 'no meter';")).toThrow('script line 1, column 1: no meter');
    expect(() => transform("throw new Error('no meter');")).toThrow('no meter');
  });
});

describe('secrets in scripts', () => {
  const msg = () => ({ data: { key: new Secret('hidden text'), a: 1 } });

  it('can be moved and deleted', () => {
    const [moved] = transform('msg.other = msg.key; delete msg.key; return {msg};', msg());
    expect(Object.keys(moved?.data as object)).toEqual(['a', 'other']);
    const other = (moved?.data as { other?: Secret } | undefined)?.other;
    expect(other?.reveal()).toBe('hidden text');
    expect(transform("msg.remove('key'); return {msg: msg};", msg(), 'TBEL')[0]?.data).toEqual({ a: 1 });
    expect(transform('return {msg: {...msg}};', msg())[0]?.data).toMatchObject({ a: 1, key: expect.any(Secret) });
    expect(transform('return {msg: {has: msg.key != null}};', msg())[0]?.data).toEqual({ has: true });
  });

  const READS = [
    "return {msg: {x: '' + msg.key}};",
    'return {msg: {x: `${msg.key}`}};',
    'return {msg: {x: String(msg.key)}};',
    'return {msg: {x: [msg.key].join()}};',
    'return {msg: {x: msg.key.length}};',
    'return {msg: {x: msg.key[0]}};',
    "return {msg: {x: msg.key.indexOf('h')}};",
    'return {msg: {x: msg.key.reveal()}};',
    'return {msg: {x: msg.key.toString()}};',
    'return {msg: {x: [...msg.key]}};',
    'return {msg: {x: {...msg.key}}};',
    'return {msg: {x: Object.values(msg.key)}};',
    "return {msg: {x: msg.key < 'i'}};",
    'return {msg: {x: +msg.key}};',
    'return {msg: {x: msg.key | 0}};',
    'return {msg: {x: {}[msg.key]}};',
    "return {msg: {x: 'hidden text'.startsWith(msg.key)}};",
    'return {msg: {x: /^h/.test(msg.key)}};',
    'return {msg: {x: encodeURIComponent(msg.key)}};',
    'return {msg: {x: parseInt(msg.key)}};',
    'return {msg: {x: btoa(msg.key)}};',
    'return {msg: {x: Object.keys(msg.key)}};',
    'return {msg: {x: [msg.key, 1].sort()}};',
    'throw msg.key;',
    'throw new Error(msg.key);',
    'for (const c of msg.key) {} return {};',
    'for (const c in msg.key) {} return {};',
    'const { length } = msg.key; return {msg: {length}};',
    'const [c] = msg.key; return {msg: {c}};',
    'return {msg: {deep: {x: msg.key}}};',
    'return {msg: [msg.key]};',
    'return {msg: msg.key};',
    'return {metadata: {x: msg.key}};',
    'return {msgType: msg.key};',
    'msg.key.x = 1; return {msg};',
  ];
  it.each(READS)('are never read: %s', (text) => {
    let thrown = '';
    try {
      transform(text, msg());
    } catch (error) {
      thrown = String(error);
    }
    expect(thrown).not.toBe('');
    expect(thrown).not.toContain('hidden');
  });

  it('are written as [redacted], and equal nothing but themselves', () => {
    expect(transform('return {msg: {x: JSON.stringify(msg)}};', msg())[0]?.data).toEqual({
      x: '{"key":"[redacted]","a":1}',
    });
    const text =
      "return {msg: {x: [msg.key == 'hidden text', msg.key === msg.key, ['hidden text'].includes(msg.key), msg.key == 5, typeof msg.key]}};";
    expect(transform(text, msg())[0]?.data).toEqual({ x: [false, true, false, false, 'object'] });
  });
});
