import { describe, expect, it } from 'vitest';
import { compileUserSchema } from '../../src/schema/user-schema.ts';

const refusal = (schema: unknown) => {
  const compiled = compileUserSchema(schema);
  return compiled.ok ? undefined : `${compiled.rule} ${compiled.at}`;
};

describe('user schemas', () => {
  it('check a value and say what is wrong without quoting it', () => {
    const compiled = compileUserSchema({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: { mode: { enum: ['a', 'b'] }, id: { type: 'string', pattern: '^ES[0-9]{16}$' } },
    });
    if (!compiled.ok) throw new Error(compiled.problem);
    expect(compiled.check({ mode: 'a', id: 'ES0123456789012345' })).toBeUndefined();
    expect(compiled.check({ mode: 'planted' })).toBe('/mode must be equal to one of the allowed values');
    expect(compiled.check({ id: 'planted' })).toBe('/id must match pattern "^ES[0-9]{16}$"');
  });

  it('change nothing in the value', () => {
    const compiled = compileUserSchema({ type: 'object', properties: { a: { type: 'number', default: 5 } } });
    const value = {};
    expect(compiled.ok && compiled.check(value)).toBeUndefined();
    expect(value).toEqual({});
  });

  it.each<[string, unknown, string]>([
    ['no object', [], 'invalid-schema '],
    ['unknown keywords', { type: 'object', propertees: {} }, 'invalid-schema '],
    ['wrong keyword types', { properties: { a: { type: 'nmber' } } }, 'invalid-schema /properties/a/type'],
    ['too long', { description: 'x'.repeat(70_000) }, 'dangerous-schema '],
    ['too deep', JSON.parse(`${'{"not":'.repeat(30)}{}${'}'.repeat(30)}`), `dangerous-schema ${'/not'.repeat(25)}`],
    ['remote references', { properties: { a: { $ref: 'http://x/y' } } }, 'dangerous-schema /properties/a/$ref'],
    ['dangling references', { $ref: '#/$defs/none' }, 'invalid-schema '],
    ['circular references', { $defs: { a: { items: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' }, 'dangerous-schema '],
    ['references to the whole', { items: { $ref: '#' } }, 'dangerous-schema '],
    ['dangerous patterns', { properties: { a: { pattern: '^(a+)+$' } } }, 'dangerous-schema /properties/a/pattern'],
    ['dangerous property patterns', { patternProperties: { '(a|a)*b': {} } }, 'dangerous-schema /patternProperties'],
    ['unbounded uniqueItems', { type: 'array', uniqueItems: true }, 'dangerous-schema /uniqueItems'],
  ])('with %s are refused', (_what, schema, found) => {
    expect(refusal(schema)).toBe(found);
  });

  it('whose references multiply are refused', () => {
    const $defs: Record<string, unknown> = { d0: { type: 'number' } };
    for (let at = 1; at < 20; at++)
      $defs[`d${at}`] = { allOf: [{ $ref: `#/$defs/d${at - 1}` }, { $ref: `#/$defs/d${at - 1}` }] };
    expect(refusal({ $defs, $ref: '#/$defs/d19' })).toBe('dangerous-schema ');
    expect(refusal({ $defs, $ref: '#/$defs/d4' })).toBeUndefined();
  });

  it('may name a property like a keyword', () => {
    expect(
      refusal({ properties: { pattern: { type: 'string' }, $ref: { type: 'string' }, uniqueItems: { const: true } } }),
    ).toBeUndefined();
  });
});
