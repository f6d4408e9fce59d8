import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCondition } from '../../../src/rules/conditions.ts';
import { lintChains } from '../../../src/rules/generation.ts';
import { chainText, tempFolder } from '../../helpers/chain-kit.ts';
import { factsOf, group, msg, oracle, ours } from '../../helpers/condition-oracle.ts';

const asks = (leaf: object) =>
  chainText({
    a: { kind: 'filter/conditions', config: { conditions: { all: [leaf] } }, to: { True: 'b', False: [] } },
    b: { kind: 'action/log' },
  });

describe('onboarding: conditions', () => {
  it.each([
    ['a path with a filter', { fact: 'msg', path: '$..[?(@.x)]', operator: 'equal', value: 1 }, '/path'],
    ['an unknown operator', { fact: 'msg', path: '$.x', operator: 'near', value: 1 }, '/operator'],
  ])('case 72: %s is an error at load', async (_, leaf, at) => {
    await using folder = await tempFolder({ 'main.json': asks(leaf) });
    const errors = (await lintChains(folder.path)).filter((issue) => issue.level === 'error');
    expect(errors.length).toBeGreaterThan(0);
    for (const error of errors) expect(error.at).toContain(at);
  });

  it('case 72: 1,000 evaluations at once give 1,000 answers', async () => {
    const compiled = compileCondition({
      all: [{ fact: 'msg', path: '$.number', operator: 'greaterThan', value: 499 }],
    });
    if (!compiled.ok) throw new Error('refused');
    const numbers = Array.from({ length: 1000 }, (_, number) => number);
    const answers = await Promise.all(numbers.map(async (number) => compiled.test(factsOf({ number }))));
    expect(answers).toEqual(numbers.map((number) => number > 499));
  });

  it('case 73: 100,000 pairs of condition and facts come out as in json-rules-engine, a fresh Engine each', async () => {
    const PER_CONDITION = 25;
    let pairs = 0;
    await fc.assert(
      fc.asyncProperty(
        group,
        fc.array(msg, { minLength: PER_CONDITION, maxLength: PER_CONDITION }),
        async (condition, bodies) => {
          for (const data of bodies) {
            const facts = factsOf(data);
            const expected = await oracle(condition, facts);
            pairs++;
            if (ours(condition, facts) !== expected) throw new Error(`${JSON.stringify(data)} should be ${expected}`);
          }
        },
      ),
      { numRuns: 100_000 / PER_CONDITION },
    );
    expect(pairs).toBeGreaterThanOrEqual(100_000);
  }, 180_000);
});
