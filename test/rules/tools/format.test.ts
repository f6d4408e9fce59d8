import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { profileSchema } from '../../../src/profiles/index.ts';
import { catalogue } from '../../../src/rules/catalogue.ts';
import { formatText } from '../../../src/rules/tools/format.ts';
import { parseChain } from '../../helpers/chain-kit.ts';

function fmt(text: string, file = 'a.json'): string {
  const result = formatText(file, text, { profileSchema: profileSchema() });
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.text;
}

const CHAIN = `{"nodes":{"b":{"to":{"Failure":"a","False":"a","True":"a"},"config":{"all":true,"msg":["k"]},"kind":"filter/check-fields"},
"a":{"kind":"action/save-telemetry"}},"first":"b","root":true,"name":"main"}`;

describe('formatText', () => {
  it('orders members as their schema does, keeps the order of nodes, and spreads each node', () => {
    expect(fmt(CHAIN)).toBe(`{
  "name": "main",
  "root": true,
  "first": "b",
  "nodes": {
    "b": {
      "kind": "filter/check-fields",
      "config": { "msg": ["k"], "all": true },
      "to": { "True": "a", "False": "a", "Failure": "a" }
    },
    "a": {
      "kind": "action/save-telemetry"
    }
  }
}
`);
  });

  it('changes nothing that a chain says', () => {
    const graph = (text: string) => {
      const nodes = [...(parseChain('a.json', text).graph?.nodes.values() ?? [])];
      return nodes.map((node) => ({ ...node, edges: node.edges.map(({ label, to }) => `${label}>${to}`).sort() }));
    };
    expect(graph(fmt(CHAIN))).toEqual(graph(CHAIN));
  });

  it('reads a byte order mark, CRLF, tabs and escapes; writes none of them', () => {
    const text = `\ufeff${CHAIN.replaceAll('\n', '\r\n\t').replace('"main"', '"ma\\u0069n \\u00e9"')}`;
    const out = fmt(text);
    expect(out).not.toMatch(/\r|\t|\ufeff/);
    expect(out).toContain('"name": "main é"');
    expect(fmt(out)).toBe(out);
  });

  it('keeps the digits of numbers, keys that look like numbers in their place, and __proto__ as a key', () => {
    const text =
      '{"cases":[{"name":"c","when":[{"from":"m","telemetry":{"z":42.0,"2":1e3,"1":-0,"__proto__":1}}],"then":{}}]}';
    expect(fmt(text, 'a.test.json')).toContain('{ "z": 42.0, "2": 1e3, "1": -0, "__proto__": 1 }');
  });

  it('spreads each case of a test file and orders its members', () => {
    const text = '{"cases":[{"then":{},"when":[{"telemetry":{},"from":"m"}],"name":"c"}]}';
    expect(fmt(text, 'a.test.json')).toBe(`{
  "cases": [
    {
      "name": "c",
      "when": [{ "from": "m", "telemetry": {} }],
      "then": {}
    }
  ]
}
`);
  });

  it('orders a profile by its schema, and leaves a ThingsBoard export in its own order', () => {
    expect(fmt('{"provision":{"strategy":"disabled"},"name":"m"}')).toBe(
      '{\n  "name": "m",\n  "provision": { "strategy": "disabled" }\n}\n',
    );
    const export_ = '{"metadata":{"nodes":[],"connections":[]},"ruleChain":{"name":"x"}}';
    expect(Object.keys(JSON.parse(fmt(export_)))).toEqual(['metadata', 'ruleChain']);
  });

  it.each([
    ['no JSON', '{', 'not-json'],
    ['a member that stands twice', '{"a":1,"a":2}', 'duplicate-key'],
    ['too deep', `${'['.repeat(70)}${']'.repeat(70)}`, 'not-json'],
    ['nothing', '', 'not-json'],
  ])('refuses %s', (_, text, rule) => {
    expect(formatText('a.json', text)).toMatchObject({ ok: false, issues: [{ rule }] });
  });

  it.each(['rule-chains/onboarding.json', 'rule-chains/onboarding.test.json', 'device-profiles/smart-meter.json'])(
    '%s of the box is in its form',
    (file) => {
      const text = readFileSync(file, 'utf8');
      expect(fmt(text, file)).toBe(text);
    },
  );

  it('any JSON keeps its meaning, and is in its form after one time', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })).map((one) => JSON.stringify(one)),
        fc.constantFrom('a.json', 'a.test.json'),
        (json, file) => {
          const once = fmt(json, file);
          expect(JSON.parse(once)).toEqual(JSON.parse(json));
          expect(fmt(once, file)).toBe(once);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('the example of every node kind is in its form after one time', () => {
    for (const { kind, examples } of catalogue) {
      for (const { config } of examples) {
        const text = JSON.stringify({ first: 'a', name: 'm', nodes: { a: { config, kind } } });
        const once = fmt(text);
        expect(JSON.parse(once)).toEqual(JSON.parse(text));
        expect(fmt(once)).toBe(once);
      }
    }
  });
});
