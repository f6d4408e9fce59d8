import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue } from '../../src/rules/catalogue.ts';
import { chainSchema, chainTestSchema } from '../../src/rules/chain-schema.ts';
import { formatJson } from '../../src/rules/json-format.ts';
import { compileSchema } from '../../src/schema/validate.ts';

const check = compileSchema(chainSchema());
const verdict = (nodes: object) => check({ name: 'a', root: true, first: 'n', nodes: { n: nodes } });
const sample = (name: string): unknown => JSON.parse(readFileSync(`rule-chains/${name}`, 'utf8'));

describe('chainSchema', () => {
  it('is the schema file of the box', () => {
    expect(readFileSync('rule-chains/chain.schema.json', 'utf8')).toBe(formatJson(chainSchema()));
  });

  it('takes the sample chain', () => {
    expect(check(sample('onboarding.json'))).toMatchObject({ ok: true });
  });

  it.each(catalogue.flatMap((kind) => kind.examples.map((example) => ({ kind: kind.kind, example }))))(
    'takes the example of $kind: $example.title',
    ({ kind, example }) => {
      expect(verdict({ kind, config: structuredClone(example.config) })).toMatchObject({ ok: true });
    },
  );

  it.each([
    ['an unknown kind', { kind: 'action/nothing' }],
    ['an unknown config key', { kind: 'action/log', config: { txt: 'x' } }],
    ['a missing config', { kind: 'action/reply' }],
    ['an unknown label', { kind: 'action/log', to: { Succes: 'n' } }],
    ['an edge from a node that ends', { kind: 'flow/dead-letter', config: { reason: 'x' }, to: { Success: 'n' } }],
    ['an unknown node member', { kind: 'action/log', next: 'n' }],
  ])('refuses %s', (_, node) => {
    expect(verdict(node)).toMatchObject({ ok: false });
  });
});

describe('chainTestSchema', () => {
  const checkTest = compileSchema(chainTestSchema());

  it('is the schema file of the box', () => {
    expect(readFileSync('rule-chains/chain-test.schema.json', 'utf8')).toBe(formatJson(chainTestSchema()));
  });

  it('takes the sample tests', () => {
    expect(checkTest(sample('onboarding.test.json'))).toMatchObject({ ok: true });
  });

  it('refuses a message that is two things at once', () => {
    const text = '{"cases":[{"name":"n","when":[{"from":"m","telemetry":{},"attributes":{}}],"then":{}}]}';
    expect(checkTest(JSON.parse(text))).toMatchObject({ ok: false });
    expect(checkTest(JSON.parse(text.replace(',"attributes":{}', '')))).toMatchObject({ ok: true });
  });
});
