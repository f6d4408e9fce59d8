import { describe, expect, it } from 'vitest';
import { ExactNumber } from '../../../src/model/json.ts';
import { runTbel } from './run-script.ts';

const msg = () => ({
  a: 1,
  name: 'meter',
  list: [3, 1, 2],
  nested: { b: { c: 7 }, l: [1, { d: 2 }] },
  hex: '0102FF',
  zero: 0,
  none: null,
});

const CASES: readonly (readonly [string, unknown])[] = [
  // Loops and words of TBEL.
  ['var s = 0; foreach (x : msg.list) { s += x; } return s;', 6],
  ['for (var x : msg.list) { if (x > 1 and x < 3 or false) return x; }', 2],
  ["var s = ''; foreach (e : msg.nested.b.entrySet()) { s += e.key + '=' + e.getValue(); } return s;", 'c=7'],
  ["return 'and or nil foreach (x : y)'; // and or", 'and or nil foreach (x : y)'],
  ['return msg.missing;', null],
  ['return msg.?missing.?more;', null],
  ['return [msg.none == nil, msg.missing != null, msg.list == empty, {} == empty];', [true, false, false, true]],
  ['return {and: 1, or: 2, nil: 3};', { and: 1, or: 2, nil: 3 }],
  ["return msg.a === '1';", true],
  ["return 'a' + null + 1;", 'anull1'],
  ['return [null < 1, null > 1, 1 >= null];', [false, false, false]],
  ['x = 5; return x + 10L + 2.5d;', 17.5],
  ['function twice(n) { return n * 2; } return twice(21);', 42],
  ['switch (msg.name) { case "x": return 1; case "meter": return 2; default: return 3; }', 2],
  ['return 5 / 2;', 2.5],
  // Whole numbers as Java's.
  ['return [1 << 31, 0xFF & 0x0F, -1 >>> 28, 5 ^ 1];', [-2147483648, 15, 15, 4]],
  ['return 1099511627776 | 1;', 1099511627777],
  ['return [toFixed(2.345, 2), toFixed(1.005, 2), toFixed(-2.5, 0), toFixed(7, 3)];', [2.35, 1.01, -3, 7]],
  ['return [toInt(2.5), toInt(0.3), toInt(-0.5)];', [3, 0, -1]],
  [
    "return [parseInt('12'), parseInt('0x1F'), parseInt('FF', 16), parseInt('  '), parseInt('101', 2)];",
    [12, 31, 255, null, 5],
  ],
  ["return parseLong('9007199254740993');", new ExactNumber('9007199254740993')],
  ["return [parseFloat('0.1'), parseDouble('1.25'), parseHexToFloat('41200000')];", [0.1, 1.25, 10]],
  // Bytes.
  ['return hexToBytes(msg.hex);', [1, 2, -1]],
  ['return bytesToHex(hexToBytes(msg.hex));', '0102FF'],
  ['return [parseBytesToInt(hexToBytes(msg.hex), 0, 3), parseBytesToInt([255, 255, 255, 255])];', [66303, -1]],
  ['return parseBytesToInt([1, 2], 0, 2, false);', 513],
  [
    "return [parseLittleEndianHexToInt('0102'), parseBigEndianHexToInt('0102'), parseHexToInt('FFFE')];",
    [513, 258, 65534],
  ],
  ['return parseBytesToFloat([0x3D, 0xCC, 0xCC, 0xCD]);', 0.1],
  [
    'return [intToHex(255), intToHex(-1), intToHex(256, false), intToHex(255, true, true)];',
    ['FF', 'FFFF', '0001', '0xFF'],
  ],
  [
    "return [btoa('Ünï'), atob(btoa('Ünï')), base64ToHex('AQL/'), bytesToBase64([1, 2, -1])];",
    ['w5xuw68=', 'Ünï', '0102FF', 'AQL/'],
  ],
  ["return [stringToBytes('aü'), bytesToString([97, -61, -68]), decodeToString([97])];", [[97, -61, -68], 'aü', 'a']],
  ['return decodeToJson(stringToBytes(\'{"a":1}\'));', { a: 1 }],
  // Maps, lists and texts.
  ["var old = msg.remove('a'); return [old, msg.containsKey('a'), msg.remove('a')];", [1, false, null]],
  ["msg.put('b', 2); return [msg.get('b'), msg.size(), msg.getOrDefault('zz', 9)];", [2, 8, 9]],
  ['var m = {b: 1, a: 2}; m.sortByKey(); return m.keys();', ['a', 'b']],
  [
    'var l = msg.list; l.sort(); var d = [3, 1, 2]; d.sort(false); return [l, d];',
    [
      [1, 2, 3],
      [3, 2, 1],
    ],
  ],
  [
    'var l = [1, 2]; l.add(3); l.add(0, 9); l.remove(1); return [l, l.size(), l.length(), l.length, l.contains(3)];',
    [[9, 2, 3], 3, 3, 3, true],
  ],
  [
    "return ['a-b-c'.replace('-', ''), 'a,b,,'.split(','), msg.name.length(), msg.name.contains('et')];",
    ['abc', ['a', 'b'], 5, true],
  ],
  [
    "return [padStart('7', 3, '0'), 'x'.isEmpty(), 'A'.equalsIgnoreCase('a'), 'a|b'.split('\\\\|')];",
    ['007', false, true, ['a', 'b']],
  ],
  ['return toFlatMap(msg.nested);', { 'b.c': 7, 'l.0': 1, 'l.1.d': 2 }],
  ["return toFlatMap(msg.nested, ['b'], false);", { 'l.0': 1, d: 2 }],
  [
    'return [isMap(msg), isList(msg.list), isArray(1), isNaN(0 / 0), isDecimal("1.5"), isHexadecimal("xyz")];',
    [true, true, false, true, 10, -1],
  ],
  ["return encodeURI('a b&c');", 'a%20b&c'],
  ["return new Date('2025-06-15T10:30:00Z').getTime();", 1749983400000],
  ["return msg.a.toString() + 'x'.toString();", '1x'],
  ['return [Math.max(1, 2), Math.round(2.5), Integer.MAX_VALUE];', [2, 3, 2147483647]],
];

const FAILURES: readonly (readonly [string, RegExp])[] = [
  [
    'if (msg.a) { return 1; } return 2;',
    /line 1, column 5: TBEL wants true or false here, not a number: compare, as in x != null/,
  ],
  ['return msg.name && true;', /wants true or false here, not a text/],
  ['return !msg.none;', /wants true or false here, not null/],
  ['return msg.none ? 1 : 2;', /wants true or false/],
  ['while (msg.a) { }', /wants true or false/],
  ['return msg.missing.more;', /cannot read "more" of null/],
  ['return msg.none + 1;', /arithmetic with null/],
  ['return msg.name - 1;', /arithmetic with a text/],
  ['return Math.abs(msg.none);', /arithmetic with null/],
  ['msg.none++;', /arithmetic with null/],
  ["raiseError('no meter', msg.a);", /no meter for value 1/],
  ["return parseInt('12x');", /number of radix 16/],
  ["return parseInt('99999999999');", /does not fit into 32 bits/],
  ["return hexToBytes('123');", /two for each byte/],
  ['return parseBytesToInt([1], 0, 4);', /1 to 4 bytes/],
  ['return msg.list.get(9);', /no item 9 in a list of 3/],
  ['return msg.name.substring(2, 99);', /substring 2 to 99/],
  ["return 'a.b'.split('.*');", /no pattern/],
  ['return 1.5 & 1;', /whole numbers/],
  ['return 4611686018427387904 | 1;', /below 2\^53/],
  ['foreach (x : msg.a) { }', /a number is no list/],
];

describe('TBEL', () => {
  it.each(CASES)('%s', (script, wanted) => {
    expect(runTbel(script, msg())).toEqual(wanted);
  });

  it.each(FAILURES)('fails: %s', (script, why) => {
    expect(() => runTbel(script, msg())).toThrow(why);
  });
});
