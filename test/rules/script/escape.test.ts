import { describe, expect, it } from 'vitest';
import { NodeFailure } from '../../../src/rules/node-kind.ts';
import { ScriptDate, ScriptFunction } from '../../../src/rules/script/values.ts';
import { createRandom } from './program-generator.ts';
import { refusals, runScript, runTbel } from './run-script.ts';

/** Ways out of interpreters that are known from advisories, each as a whole script. */
const REFUSED = [
  'return this;',
  'return this.constructor.constructor("return process")();',
  'return eval("1");',
  'return Function("return this")();',
  'return new Function("return this")();',
  '(function () { return arguments.callee.caller; })();',
  'return globalThis;',
  'return process.mainModule;',
  'return require("fs");',
  'return import("fs");',
  'import fs from "fs"; return fs;',
  'return import.meta;',
  'return new Proxy({}, {});',
  'return Reflect.getPrototypeOf({});',
  'return Symbol.iterator;',
  'return msg[Symbol.toPrimitive];',
  'return Object.getPrototypeOf(msg);',
  'return Object.setPrototypeOf(msg, null);',
  'return Object.defineProperty(msg, "x", { get: function () { return 1; } });',
  'return Object.getOwnPropertyDescriptor(msg, "a");',
  'return Object.prototype;',
  'return Array.prototype;',
  'return Object;',
  'var O = Object; return O.keys(msg);',
  'return { get a() { return 1; } };',
  'return { set a(v) { } };',
  'return { toString() { return "x"; } };',
  'return { __proto__: [] };',
  'return { "__proto__": [] };',
  'class A {} return new A();',
  'return class {};',
  'return super.x;',
  'return new.target;',
  'return new msg.constructor();',
  'return new (msg.f)();',
  'return String.raw`a`;',
  'return msg.f`x${1}`;',
  'return String.fromCodePoint;',
  'return (1).constructor("x");',
  'return "".constructor("return this")();',
  'return [].constructor.constructor("return this")();',
  'return [].map.constructor("return this")();',
  'return (() => 1).constructor("return this")();',
  'return (() => 1).call(this);',
  'return (() => 1).apply(null, []);',
  'return (() => 1).bind(null)();',
  'return msg["con" + "structor"]("return this")();',
  'return msg[["constructor"]]();',
  'return msg.a.__defineGetter__("x", () => 1);',
  'return msg.__lookupGetter__("x");',
  'return msg.isPrototypeOf(msg);',
  'async function f() {} return f();',
  'return (async () => 1)();',
  'function* f() { yield 1; } return f();',
  'return (function* () { yield 1; })().next;',
  'for await (const x of []) {}',
  'with (msg) { return a; }',
  'debugger;',
  'out: for (;;) { break out; }',
  'return /(a+)+$/g;',
  'return "aaaa".match(/(a+)+$/);',
  'return "aaaa".replace(/a/g, "b");',
  'return /a/.exec("a");',
  'return /(?=a)/.test("a");',
  'return /(a)\\1/.test("aa");',
  'return /a/i.test("A");',
  'return new RegExp("(a+)+$").test("aaa");',
  'return 10n ** 10n;',
  'return Math.random();',
  'return setTimeout(() => 1, 1);',
  'return WebAssembly;',
  'return SharedArrayBuffer;',
  'return console.log(1);',
  'const { constructor: { constructor: F } = {} } = Math; return F;',
  'Math = {}; return 1;',
  'Math.abs = 5; return 1;',
  'JSON.parse = 1; return 1;',
  'return Math["abs"](1);',
  'return Math.constructor;',
  'undefined = 1; return 1;',
  '<!-- x\nreturn 1 /*',
];

describe('a script cannot leave the language', () => {
  it.each(REFUSED)('refuses at load: %s', (script) => {
    const problems = refusals(script);
    expect(problems.length).toBeGreaterThan(0);
    for (const { line, column } of problems) expect(line * column).toBeGreaterThan(0);
  });

  const NAMES = [
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'valueOf',
    'hasOwnProperty',
    'isPrototypeOf',
    '__defineGetter__',
    '__lookupSetter__',
    'toLocaleString',
    'caller',
    'callee',
    'arguments',
    'call',
    'apply',
    'bind',
    'then',
    'toJSON',
    'map',
    'push',
    'at',
    'concat',
    'reveal',
    'text',
    'ms',
  ];
  const HOLDERS = [
    '({})',
    '[]',
    '[1, 2]',
    '""',
    '"abc"',
    '1',
    'true',
    'msg',
    'metadata',
    'msgType',
    '(() => 1)',
    '(function f() {})',
    'new Date(0)',
    'parseInt',
    'String',
    '[1].map(x => x)',
    'JSON.parse("{}")',
    "JSON.parse('[]')",
    'Object.keys(msg)',
    'Object.fromEntries([])',
    'new Error("x")',
  ];

  it('reads no inherited member of anything, by name or by computed name', () => {
    for (const holder of HOLDERS) {
      for (const name of NAMES) {
        const text = `var h = ${holder}; return [h.${name}, h['${name}'], h[['${name}']], h?.${name}];`;
        expect([text, runScript(text, { a: 1 })]).toEqual([text, [undefined, undefined, undefined, undefined]]);
      }
    }
  });

  it('takes no inherited member apart, and finds none with in, for-in and hasOwnProperty', () => {
    for (const name of NAMES) {
      expect(runScript(`const { ${name}: x } = msg; return x;`, {})).toBeUndefined();
      expect(runScript(`return ['${name}' in msg, msg.hasOwnProperty('${name}')];`, {})).toEqual([false, false]);
      if (name !== 'length') expect(runScript(`return '${name}' in [];`)).toBe(false);
    }
    expect(runScript('var n = []; for (const k in msg) n.push(k); return n;', { a: 1 })).toEqual(['a']);
  });

  it('writes every name as a plain member: no prototype changes', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'valueOf']) {
      const forms = [
        `var o = {}; o.${name} = {x: 1}; return o;`,
        `var o = {}; o['${name}'] = {x: 1}; return o;`,
        `var o = {['${name}']: {x: 1}}; return o;`,
        `return JSON.parse('{"${name}":{"x":1}}');`,
        `return Object.assign({}, msg);`,
        `return {...msg};`,
        `return Object.fromEntries([['${name}', {x: 1}]]);`,
        `msg.y = 1; delete msg.y; return msg;`,
      ];
      for (const form of forms) {
        const made = runScript(form, JSON.parse(`{"${name}":{"x":1}}`)) as object;
        expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
        expect(Object.getOwnPropertyDescriptor(made, name)?.value).toEqual({ x: 1 });
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it('never calls toString, valueOf, toJSON or a getter that a message brings along', () => {
    const msg = JSON.parse('{"o":{"toString":1,"valueOf":2,"toJSON":3,"length":9,"then":4}}');
    expect(runScript("return '' + msg.o", msg)).toBe('[object Object]');
    expect(runScript('return msg.o * 1', msg)).toBeNaN();
    expect(runScript('return JSON.stringify(msg.o)', msg)).toBe(
      '{"toString":1,"valueOf":2,"toJSON":3,"length":9,"then":4}',
    );
    expect(runScript('return [msg.o].join()', msg)).toBe('[object Object]');
    expect(runScript('return Math.max(msg.o, 1)', msg)).toBeNaN();
  });

  it('gives functions no members, and lists no named ones', () => {
    expect(() => runScript('var f = () => 1; f.x = 1; return f;')).toThrow('cannot set "x" of a function');
    expect(() => runScript('var l = []; l.x = 1; return l;')).toThrow('a list has no member "x"');
    expect(() => runScript('msgType.x = 1; return 1;')).toThrow('cannot set "x" of a text');
  });

  it('calls only the methods that its own types have', () => {
    for (const call of [
      'msg.toString()',
      'msg.valueOf()',
      'msg.push(1)',
      'msgType.toFixed()',
      '(() => 1).map()',
      'msg.a.trim()',
    ]) {
      expect(() => runScript(`return ${call};`, { a: 1 })).toThrow(/has no method/);
    }
  });

  it('hands its callbacks and thrown errors out as values of its own only', () => {
    const caught = runScript('try { null.x } catch (e) { return [e, e.constructor, e.stack, e.message]; }');
    expect(caught).toEqual([
      { name: 'Error', message: 'cannot read "x" of null' },
      undefined,
      undefined,
      'cannot read "x" of null',
    ]);
    expect(runScript('return [parseInt].map(f => typeof f)')).toEqual(['function']);
    expect(runScript('return ["1", "2"].map(Number)')).toEqual([1, 2]);
  });

  it('TBEL reaches no class, static or reflection', () => {
    const scripts = [
      'return java.lang.Runtime.getRuntime();',
      "return msg.getClass().forName('java.lang.System');",
      'return new java.io.File("/");',
      'return System.exit(1);',
      'return msg.class;',
      'return this;',
      'import java.util.*; return 1;',
      'return String.class;',
      'return Math.getClass();',
    ];
    for (const script of scripts) {
      if (refusals(script, { lang: 'TBEL' }).length === 0) expect([script, runTbel(script)]).toEqual([script, null]);
    }
    expect(runTbel("msg.put('__proto__', 1); return msg.size();")).toBe(1);
    expect(runTbel("return [msg.get('constructor'), msg.containsKey('toString'), msg.constructor]")).toEqual([
      null,
      false,
      null,
    ]);
  });

  it('random token soup is refused, fails, or gives a plain value; it never throws anything else', () => {
    const words =
      'msg metadata . ? [ ] ( ) { } , ; : + - * / = == === => ... ` ${ } " \' a b constructor __proto__ prototype return var let const function if else for of in while try catch throw new delete typeof this eval 0 1 1e999 null undefined JSON.parse Object.keys .map .call .join push get set async await yield class super /a/ \\u0061 # @ ~ ! & | < > << >>> ** ++ --'.split(
        ' ',
      );
    const random = createRandom(7);
    for (let round = 0; round < 5_000; round++) {
      const count = 1 + Math.floor(random() * 14);
      const text = Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(
        random() < 0.5 ? ' ' : '',
      );
      for (const lang of ['JS', 'TBEL'] as const) {
        if (refusals(text, { lang }).length > 0) continue;
        try {
          expectPlain(runScript(text, { a: 1 }, { lang, limits: { fuel: 2_000 } }));
        } catch (error) {
          if (!(error instanceof NodeFailure)) throw new Error(`not a failure: ${text}`, { cause: error });
        }
      }
    }
  });
});

/** A value of the language: nothing of the host is inside. */
function expectPlain(value: unknown): void {
  if (value === null || typeof value !== 'object') {
    expect(typeof value).not.toMatch(/function|symbol|bigint/);
    return;
  }
  if (value instanceof ScriptDate || value instanceof ScriptFunction) return;
  expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(value));
  for (const member of Object.values(value)) expectPlain(member);
}
