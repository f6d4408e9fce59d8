import { Ajv2020 } from 'ajv/dist/2020.js';
import { Name } from 'ajv/dist/compile/codegen/code.js';
import { describe, expect, it, vi } from 'vitest';
import { adminRoutes } from '../../src/admin/index.ts';
import { configSchema } from '../../src/config/index.ts';
import { profileSchema } from '../../src/profiles/index.ts';
import { chainSchema } from '../../src/rules/chain-schema.ts';
import { catalogue } from '../../src/rules/index.ts';
import { compileForeignSchema, compileSchema, nearest } from '../../src/schema/validate.ts';

/** Routes read their parts when they are called; to be listed they need none of them. */
function anyDeps(): Parameters<typeof adminRoutes>[0] {
  const anything: unknown = new Proxy(() => anything, {
    get: (_, name) => (name === Symbol.toPrimitive ? () => '' : anything),
  });
  return anything as Parameters<typeof adminRoutes>[0];
}

const meta = new Ajv2020({ strict: false, validateFormats: false });

describe('our own schemas', () => {
  const routes = adminRoutes(anyDeps());
  const schemas: [string, unknown][] = [
    ['gridmoor.json', configSchema()],
    ['device profiles', profileSchema()],
    ['rule chains', chainSchema()],
    ...catalogue.map((kind): [string, unknown] => [kind.kind, kind.schema]),
    ...routes.flatMap(({ method, url, schema }) =>
      (['params', 'querystring', 'body'] as const).flatMap((part): [string, unknown][] =>
        schema[part] === undefined ? [] : [[`${method} ${url} ${part}`, schema[part]]],
      ),
    ),
  ];

  it.each(schemas)('%s is a JSON Schema that compiles', (_name, schema) => {
    expect(meta.validateSchema(schema as object), JSON.stringify(meta.errors)).toBe(true);
    expect(() => compileSchema(schema as Record<string, unknown>)({})).not.toThrow();
  });
});

it('compiling asks no name for its object: a thousand of those take the shared hidden classes from the whole process', () => {
  const names = vi.spyOn(Name.prototype, 'names', 'get');
  const schema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } }, required: ['a'] };
  expect(compileSchema(schema)({ a: 1 }).ok).toBe(false);
  const foreign = compileForeignSchema(schema, (pattern, flags) => new RegExp(pattern, flags));
  expect(foreign.ok && foreign.check({ a: 'x', b: 1.5 })).toBe('/b must be integer');
  expect(names).not.toHaveBeenCalled();
  names.mockRestore();
});

describe('violations', () => {
  const check = compileSchema({
    type: 'object',
    required: ['name'],
    additionalProperties: false,
    properties: {
      name: { type: 'string' },
      kind: { enum: ['filter', 'action'] },
      size: { type: 'integer', default: 3 },
    },
  });
  const problems = (value: unknown) => {
    const checked = check(value);
    return checked.ok ? [] : checked.violations.map(({ at, problem, hint }) => `${at} ${problem}; ${hint ?? ''}`);
  };

  it('fills in defaults', () => {
    expect(check({ name: 'a' })).toEqual({ ok: true, value: { name: 'a', size: 3 } });
  });

  it('names the nearest field and the nearest word', () => {
    expect(problems({ nmae: 'a', name: 'a' })).toEqual(['/nmae unknown field "nmae"; did you mean "name"?']);
    expect(problems({ name: 'a', kind: 'fliter' })).toEqual([
      '/kind "fliter" is not a valid value; did you mean "filter"?',
    ]);
    expect(problems({ name: 'a', kind: 'x' })).toEqual(['/kind "x" is not a valid value; one of: filter, action']);
  });

  it('names what is missing and what has another type', () => {
    expect(problems({})).toEqual([' "name" is missing; ']);
    expect(problems({ name: [] })).toEqual(['/name must be string, is array; ']);
    expect(problems([])).toEqual([' must be object, is array; ']);
  });

  it('names the ways to fill a form that has several, in one finding', () => {
    const check = compileSchema({
      type: 'object',
      dependentRequired: { telemetry: ['from'] },
      oneOf: [{ required: ['from', 'telemetry'] }, { required: ['from', 'type'] }, { required: ['advance'] }],
    });
    const found = (value: unknown) => {
      const checked = check(value);
      return checked.ok ? [] : checked.violations.map(({ rule, problem }) => `${rule}: ${problem}`);
    };
    expect(found({})).toEqual(['missing-field: needs "from" and "telemetry", or "from" and "type", or "advance"']);
    expect(found({ from: 'm1' })).toEqual(['missing-field: needs "telemetry", or "type", or "advance"']);
    expect(found({ telemetry: {} })).toEqual(['missing-field: "from" is missing beside "telemetry"']);
    const both = { from: 'm1', telemetry: {}, type: 'x' };
    expect(found(both)).toEqual(['invalid-value: "telemetry" and "type" exclude each other']);
  });

  it('finds the nearest word only when it is near', () => {
    expect(nearest('telemtry', ['telemetry', 'attributes'])).toBe('telemetry');
    expect(nearest('xyz', ['telemetry', 'attributes'])).toBeUndefined();
  });
});
