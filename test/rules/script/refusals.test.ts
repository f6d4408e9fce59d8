import { describe, expect, it } from 'vitest';
import { lintNode } from '../../helpers/chain-node.ts';
import { refusals } from './run-script.ts';

/** Script -> line, column, and what to write instead. */
const JS: readonly (readonly [string, number, number, RegExp])[] = [
  ['return msg.a;\nreturn foo;', 2, 8, /declare it with let or const/],
  ['return mgs.a;', 1, 8, /did you mean "msg"/],
  ['var a = 1;\n  class A {}', 2, 3, /objects and functions/],
  ["return 'abc'.match(/b/);", 1, 14, /indexOf/],
  ['return msg.name.toUpercase();', 1, 17, /did you mean "toUpperCase"/],
  ['return Math.flor(1);', 1, 13, /did you mean "floor"/],
  ['return Math.random();', 1, 13, /same answer/],
  ['return /a/g.test("b");', 1, 8, /leave g and y away/],
  ['return /(?=a)/.test("b");', 1, 8, /look-around/],
  ['const a = 1;\na = 2;', 2, 1, /declare it with let/],
  ['return new Map();', 1, 8, /\{\} and object\[key\]/],
  ['return new Promise(() => 1);', 1, 8, /answers at once/],
  ['async function f() {}', 1, 1, /answers at once/],
  ['console.log(1);', 1, 1, /action\/log/],
  ['setTimeout(() => 1, 5);', 1, 1, /flow\/delay/],
  ['return { get a() { return 1; } };', 1, 10, /name: value/],
  ['const { a, ...rest } = msg;', 1, 12, /object\[key\]/],
  ['return [1, , 2];', 1, 8, /null in the empty places/],
  ['return 1n;', 1, 8, /keep all their digits/],
  ['return msg instanceof Array;', 1, 8, /Array\.isArray/],
  ['outer: for (;;) {}', 1, 1, /function and return/],
];

const TBEL: readonly (readonly [string, number, number, RegExp])[] = [
  ['let x = 1;', 1, 1, /with var/],
  ['var f = (a) => a;', 1, 9, /function name/],
  ['foreach (x : msg.list) {\n  return typeof x;\n}', 2, 10, /isMap/],
  ['foreach (x : msg.list) { return undefined; }', 1, 33, /write null/],
  ['if (msg.a and nil == null or foo) { return 1; }', 1, 30, /var/],
  ['delete msg.a;', 1, 1, /remove\('key'\)/],
  ["return msg.a ~= '[0-9]+';", 1, 14, /indexOf/],
  ['return msg.list contains 5;', 1, 17, /list\.contains/],
  ['return msg.a is String;', 1, 14, /isMap/],
  ["throw 'x';", 1, 1, /raiseError/],
  ['try { return 1; } catch (e) { return 2; }', 1, 1, /test the value/],
  ['return `a`;', 1, 8, /'a' \+ b/],
  ['return msg.a ?? 1;', 1, 8, /!= null \?/],
  ["return msg.name.replaceAll('a', 'b');", 1, 17, /replace\(text, by\)/],
  ['msg.list.forEach(1);', 1, 10, /foreach/],
  ['until (true) { return 1; }', 1, 1, /while/],
  ['return new java.util.HashMap();', 1, 8, /\{\} or \[\]/],
];

describe('refusals of scripts', () => {
  it.each(JS)('JS: %s', (script, line, column, hint) => {
    const [first] = refusals(script);
    expect(first).toMatchObject({ line, column, hint: expect.stringMatching(hint) });
  });

  it.each(TBEL)('TBEL: %s', (script, line, column, hint) => {
    const [first] = refusals(script, { lang: 'TBEL' });
    expect(first).toMatchObject({ line, column, hint: expect.stringMatching(hint) });
  });

  it('names every construct, not only the first', () => {
    const places = refusals('return this;\nvar a = eval("1");\nclass A {}').map(({ line, column }) => [line, column]);
    expect(places).toEqual([
      [1, 8],
      [2, 9],
      [3, 1],
    ]);
  });

  it('a syntax error has its place too', () => {
    expect(refusals('return msg.;')).toEqual([{ line: 1, column: 12, problem: 'syntax: Unexpected token' }]);
  });

  it('lint says it of the node, with the member, line and column', () => {
    const issues = lintNode('filter/script', { jsScript: ['var t = msg.temperature;', 'return t.match(/a/);'] });
    expect(issues[0]).toEqual({
      at: '/jsScript',
      problem: 'line 2, column 10: ".match()" is not in the language',
      hint: 'use /pattern/.test(text), indexOf, split, substring',
    });
    const missing = lintNode('transform/script', { scriptLang: 'TBEL', jsScript: 'return msg;' });
    expect(missing).toMatchObject([{ at: '/tbelScript', problem: expect.stringContaining('there is no tbelScript') }]);
  });
});
