import { describe, expect, it } from 'vitest';
import { NodeFailure } from '../../../src/rules/node-kind.ts';
import { DEFAULT_SCRIPT_LIMITS } from '../../../src/rules/script/limits.ts';
import { refusals, runScript, runTbel } from './run-script.ts';

const within = (ms: number, work: () => unknown): void => {
  const began = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(began);
  expect((user + system) / 1000).toBeLessThan(ms);
};

describe('limits of a script', () => {
  it('fuel is exact: the same script needs the same amount each time, and not one unit less', () => {
    const script = `
      function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
      var all = [];
      for (var i = 0; i < 8; i++) all.push(fib(i));
      return all.map(x => x * 2).sort((a, b) => b - a).join();`;
    const needs = (fuel: number): boolean => {
      try {
        runScript(script, {}, { limits: { fuel } });
        return true;
      } catch {
        return false;
      }
    };
    let [low, high] = [0, DEFAULT_SCRIPT_LIMITS.fuel];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (needs(middle)) high = middle;
      else low = middle;
    }
    for (let again = 0; again < 20; again++) {
      expect(needs(high)).toBe(true);
      expect(needs(high - 1)).toBe(false);
    }
  });

  const ENDLESS = [
    'while (true) {}',
    'for (;;) ;',
    'do {} while (true);',
    'var l = [1]; for (const x of l) l.push(x);',
    'function f() { for (;;) { try { g(); } catch (e) {} } } function g() { throw 1; } f();',
    'for (;;) { try { for (;;) {} } catch (e) {} finally {} }',
    'for (;;) { try { for (;;) {} } finally { continue; } }',
    "var s = 'x'; for (;;) s = s.toUpperCase();",
    'var a = []; for (;;) a = a.concat([1]);',
    'for (;;) JSON.parse("[1,2,3]");',
    'for (;;) [3, 1, 2].sort();',
    "for (;;) 'a,b'.split(',');",
    'var l = [...Array.isArray(1) ? [] : [1, 2, 3]]; for (;;) l.reverse();',
  ];
  it.each(ENDLESS)('ends what would not end: %s', (script) => {
    within(1_500, () => expect(() => runScript(`${script} return 1;`)).toThrow(/fuel|items/));
  });

  const HUGE = [
    "var s = 'x'; for (;;) s += s;",
    "return 'x'.repeat(1e9);",
    "return 'x'.padStart(1e9);",
    "return 'x'.padEnd(1e9, 'ab');",
    "var s = 'x'.repeat(90000); return s.replaceAll('x', s);",
    "var s = 'x'.repeat(50000); return s.split('').join(s);",
    "var s = 'x'.repeat(50000); return [s, s, s].join('');",
    "var s = 'x'.repeat(50000); return s.concat(s, s);",
    "var s = 'x'.repeat(50000); return `${s}${s}${s}`;",
    "var l = ['x'.repeat(50000)]; l.push(l[0], l[0]); return String(l);",
    "return encodeURIComponent('ü'.repeat(50000));",
    "return JSON.stringify(['\\u0001'.repeat(50000)]);",
    'var l = [1]; for (;;) l = l.concat(l);',
    'var l = [1]; for (;;) l.push(...l);',
    'var l = []; l[1e6] = 1; return l;',
    'var l = []; l[4294967294] = 1; return l;',
    'var o = {}; for (var i = 0; ; i++) o["k" + i] = i;',
    "return 'x,'.repeat(40000).split(',');",
    'var l = [[1]]; for (;;) l = [l, l].flat().concat(l);',
  ];
  it.each(HUGE)('makes nothing huge: %s', (script) => {
    within(1_500, () => expect(() => runScript(script)).toThrow(NodeFailure));
  });

  const SLOW = [
    "var s = 'a'.repeat(99000); var w = 'a'.repeat(49000) + 'b'; for (;;) s.indexOf(w);",
    "var s = 'a'.repeat(99000); for (;;) s.split('a'.repeat(5000) + 'b');",
    "var s = 'a'.repeat(99000); var l = []; for (var i = 0; i < 9999; i++) l.push(s); for (;;) l.indexOf('a'.repeat(98999) + 'b');",
    "var s = 'a'.repeat(4000); for (;;) /(a+)+$/.test(s + 'b') || /(a|aa)*c/.test(s);",
    "var s = '9'.repeat(99000); for (;;) Number(s);",
    "var l = []; for (var i = 0; i < 9999; i++) l.push('a'.repeat(2000) + i % 7); for (;;) l.sort();",
    'var o = {}; for (var i = 0; i < 5000; i++) o[i] = i; for (;;) ({...o});',
    'var l = []; for (var i = 0; i < 9999; i++) l.push(i); for (;;) Math.max(...l);',
    'var l = []; for (var i = 0; i < 9999; i++) l.push(i); for (;;) l.unshift(l.pop());',
  ];
  it.each(SLOW)('pays for slow built-ins: %s', (script) => {
    within(3_000, () => expect(() => runScript(script)).toThrow(/fuel|longer than/));
  });

  it.each(['m.isEmpty()', 'm == empty', 'm.size()', 'm.containsValue(-1)'])(
    'TBEL pays for slow built-ins: %s',
    (slow) => {
      const script = `var m = {}; for (var i = 0; i < 5000; i++) { m.put('k' + i, i); } while (true) { var r = ${slow}; }`;
      within(3_000, () => expect(() => runTbel(script)).toThrow(/fuel/));
    },
  );

  it('calls nest only so deep, whatever stands between them; the stack of the process is never the limit', () => {
    const deep = [
      'function f() { return f(); } return f();',
      'function f(n) { return 1 + f(n + 1) * 2 - (f(n) ? 3 : 4); } return f(0);',
      'var f = () => [1].map(() => f()); return f();',
      'var f = (x) => [3, 1, 2].sort((a, b) => f(x)); return f(1);',
      'function f(o) { return { a: [f({ ...o })] }; } return f({});',
      'function f() { try { return f(); } finally { f(); } } return f();',
      `function f() { return ${'('.repeat(100)}f()${')'.repeat(100)}; } return f();`,
      `function f() { return ${'!'.repeat(200)}f(); } return f();`,
      `function f() { ${'if (true) {'.repeat(40)} return f(); ${'}'.repeat(40)} } return f();`,
    ];
    for (const script of deep) expect(() => runScript(script)).toThrow(/call each other too deep|fuel/);
    expect(runScript('function f(n) { return n === 0 ? 0 : 1 + f(n - 1); } return f(60);')).toBe(60);
  });

  it('a script that nests too deep or is too long is refused, not crashed on', () => {
    for (const deep of [
      `return ${'('.repeat(20_000)}1`,
      `return ${'['.repeat(20_000)}`,
      `return ${'!'.repeat(20_000)}1`,
    ]) {
      expect(refusals(deep)[0]?.problem).toMatch(/nested|syntax/);
    }
    expect(refusals(`return ${Array(300).fill('1').join(' + ')};`)[0]?.problem).toMatch('nested deeper than 250');
    expect(refusals(`return ${Array(150).fill('1').join(' + ')};`)).toEqual([]);
    expect(refusals(' '.repeat(50_001))[0]?.problem).toMatch('longer than 50000');
    const many = refusals('foo();'.repeat(500));
    expect(many.length).toBe(20);
  });

  it('values that nest without end, or hold themselves, are failures', () => {
    expect(() => runScript('var a = []; for (var i = 0; i < 9000; i++) a = [a]; return JSON.stringify(a);')).toThrow(
      'nested',
    );
    expect(() => runScript('var a = []; for (var i = 0; i < 9000; i++) a = [a]; return String(a);')).toThrow('nested');
    expect(() => runScript('var a = {}; a.a = a; return JSON.stringify(a);')).toThrow('nested deeper than 64');
    expect(() => runScript("return JSON.parse('['.repeat(9000))")).toThrow('JSON.parse');
  });

  it('no catch holds a limit up', () => {
    expect(() => runScript('try { for (;;) {} } catch (e) { return 1; }')).toThrow('fuel');
    expect(() => runScript("try { 'x'.repeat(1e9) } catch (e) { return 1; }")).toThrow('longer than');
    expect(() => runScript('function f() { return f(); } try { f() } catch (e) { return 1; }')).toThrow('too deep');
  });

  it('a message that is too large for a script is a failure', () => {
    expect(() => runScript('return 1;', { text: 'x'.repeat(100_001) })).toThrow('the message is larger than 100000');
    expect(runScript('return msg.text.length;', { text: 'x'.repeat(90_000) })).toBe(90_000);
  });

  it('a script keeps nothing from one run to the next', () => {
    expect(runScript('count = 1; return count;')).toBe(1);
    expect(runScript('if (false) count = 1; return count;')).toBeUndefined();
  });
});
