// Its context has the plain one, whose deepEqual is loose.
import assert from 'node:assert';
import { it } from 'vitest';

/** What suites written for node:test ask of their context. */
interface Context {
  readonly assert: typeof assert;
  plan(count: number): void;
  diagnostic(text: string): void;
  fail(text: string): void;
}

/** `test` of node:test for suites that come with a library: planned assertions are counted. */
export function nodeTest(name: string, run: (context: Context) => Promise<void> | void): void {
  it(name, async () => {
    let planned: number | undefined;
    let made = 0;
    const counted = new Proxy(assert, {
      get(target, key) {
        const member = Reflect.get(target, key) as unknown;
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          made++;
          return Reflect.apply(member, target, args) as unknown;
        };
      },
    });
    await run({
      assert: counted,
      plan(count) {
        planned = count;
      },
      diagnostic() {},
      fail: (text) => assert.fail(text),
    });
    if (planned !== undefined) assert.equal(made, planned, 'assertions as planned');
  });
}
