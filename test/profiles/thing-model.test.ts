import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { parseJson } from '../../src/model/json.ts';
import type { ModelSpec, UnknownPolicy, ValueSpec } from '../../src/profiles/model-schema.ts';
import { parseProfile } from '../../src/profiles/parse.ts';
import { resolveProfile } from '../../src/profiles/resolve.ts';
import { compileModel } from '../../src/profiles/thing-model.ts';

const values = (text: string): JsonObject => {
  const parsed = parseJson(text, { maxDepth: 32, maxKeys: 1000 });
  if (!parsed.ok) throw new Error(parsed.error.problem);
  return parsed.value as JsonObject;
};
const none = (): never => {
  throw new Error('a fault in a model without one');
};
const EMPTY: ModelSpec = {
  version: '1',
  unknown: 'reject',
  measurepoints: undefined,
  attributes: undefined,
  events: undefined,
  services: undefined,
};
const modelOf = (measurepoints: Record<string, ValueSpec>, unknown: UnknownPolicy = 'reject') =>
  compileModel({ ...EMPTY, unknown, measurepoints }, none);
const fault = (spec: ValueSpec, text: string): string | undefined =>
  modelOf({ v: spec }).telemetry?.(values(`{"v":${text}}`), false).fault;

describe('thing models', () => {
  it.each<[ValueSpec, readonly string[], readonly string[]]>([
    [{ type: 'int' }, ['0', '-2147483648', '42.0'], ['2147483648', '1.5', '"1"', 'true', '{}', '[]']],
    [{ type: 'long' }, ['9223372036854775807', '-9223372036854775808'], ['9223372036854775808', '0.5', '1e300', '"1"']],
    [{ type: 'float' }, ['1.5', '-3.4e38'], ['1e39', '"hot"']],
    [{ type: 'double', min: -40, max: 125 }, ['-40', '125.0', '1e1'], ['-40.1', '126', '"hot"', 'null', '1e400']],
    [{ type: 'bool' }, ['true', 'false', '0', '1'], ['2', '"true"', '[]']],
    [{ type: 'string', maxLength: 3 }, ['""', '"abc"'], ['"abcd"', '7', '{}']],
    [{ type: 'file' }, ['"file://1"'], ['1']],
    [{ type: 'enum', values: ['auto', 2] }, ['"auto"', '2', '2.0'], ['"2"', '"manual"', '3', '{}']],
    [{ type: 'array', items: { type: 'int' }, maxItems: 2 }, ['[]', '[1,2]'], ['[1,2,3]', '["a"]', '{}', '1']],
    [
      { type: 'struct', fields: { lat: { type: 'double' }, at: { type: 'struct', fields: { n: { type: 'int' } } } } },
      ['{}', '{"lat":1.5}', '{"at":{"n":1}}'],
      ['{"lat":"x"}', '{"lon":1}', '{"at":{"n":0.5}}', '[]', '7', '{"__proto__":1}'],
    ],
  ])('%j takes its values and no others', (spec, good, bad) => {
    for (const text of good) expect([text, fault(spec, text)]).toEqual([text, undefined]);
    for (const text of bad) expect([text, fault(spec, text)]).toEqual([text, expect.stringMatching(/^"v" /)]);
  });

  it('says what a value must be, and quotes none', () => {
    expect(fault({ type: 'double', min: 0, max: 9 }, '"s3cret"')).toBe('"v" must be of the type double from 0 to 9');
    expect(fault({ type: 'enum', values: ['a', 1] }, '"s3cret"')).toBe('"v" must be one of "a", 1');
    expect(fault({ type: 'array', items: { type: 'int' } }, '[1,"s3cret"]')).toBe(
      '"v" has an item 1 that must be of the type int',
    );
  });

  it('an id that is not in the model is refused, dropped or stored', () => {
    const sent = values('{"t":1,"x":2,"__proto__":3}');
    const of = (policy: UnknownPolicy) => modelOf({ t: { type: 'int' } }, policy).telemetry?.(sent, false);
    expect(of('reject')?.fault).toBe('"x" is not in the model');
    expect(of('drop')).toEqual({ values: { t: 1 }, left: 2 });
    expect(of('store')?.values).toBe(sent);
  });

  it('quality, tags and what devices say of their firmware need no entry', () => {
    const sent = values('{"t":1,"t_quality":0,"current_fw_version":"1.1","fw_state":"UPDATED","tag_site":"a"}');
    const { telemetry } = modelOf({ t: { type: 'int' } });
    expect(telemetry?.(sent, false)).toEqual({ values: sent, left: 0 });
    expect(telemetry?.(values('{"x_quality":0}'), false).fault).toBe('"x_quality" is not in the model');
  });

  it('with skipInvalid what does not fit is left out, with its quality', () => {
    const { telemetry } = modelOf({ a: { type: 'int' }, b: { type: 'int' } });
    const fitted = telemetry?.(values('{"a":"x","a_quality":1,"b":2,"c":3}'), true);
    expect(fitted).toEqual({ values: { b: 2 }, left: 3, fault: '"a" must be of the type int' });
  });

  it('events are checked by their id, other messages are not', () => {
    const spec: ModelSpec = { ...EMPTY, events: { hot: { t: { type: 'int' } } } };
    const model = compileModel(spec, none);
    expect(model.event?.('EVENT_hot', { t: 1 }).fault).toBeUndefined();
    expect(model.event?.('EVENT_hot', { t: 'x' }).fault).toBe('"t" must be of the type int');
    expect(model.event?.('EVENT_cold', { t: 1 }).fault).toBe('the event "cold" is not in the model');
    expect(model.event?.('DEVICE_LOG', { t: 'x' }).fault).toBeUndefined();
    const dropping = compileModel({ ...spec, unknown: 'drop' }, none);
    expect(dropping.event?.('EVENT_cold', { t: 1 })).toEqual({ values: {}, left: 1 });
  });

  it('services are checked by their id and part; what is unknown goes by the policy', () => {
    const services = {
      reboot: { input: { delay: { type: 'int' } }, output: { done: { type: 'bool' } } },
      free: {},
    } as const;
    const { service } = compileModel({ ...EMPTY, services }, none);
    expect(service?.('reboot', 'input', { delay: 3 })).toEqual({ ok: true, values: { delay: 3 } });
    expect(service?.('reboot', 'input', {})).toEqual({ ok: true, values: {} });
    const problems = [
      service?.('reboot', 'input', { delay: 's3cret' }),
      service?.('reboot', 'input', { other: 1 }),
      service?.('reboot', 'input', values('{"__proto__":1}')),
      service?.('reboot', 'output', [true]),
      service?.('reboot', 'output', { done: 'yes' }),
      service?.('toString', 'input', {}),
    ];
    expect(problems.map((one) => (one?.ok === false ? one.problem : one))).toEqual([
      'input: "delay" must be of the type int',
      'input: "other" is not in the model',
      'input: "__proto__" is not in the model',
      'the output must be an object',
      'output: "done" must be true, false, 0 or 1',
      'the service "toString" is not in the model',
    ]);
    expect(service?.('free', 'input', [1])).toEqual({ ok: true, values: [1] });
    const dropping = compileModel({ ...EMPTY, unknown: 'drop', services }, none).service;
    expect(dropping?.('reboot', 'input', { delay: 3, other: 1 })).toEqual({ ok: true, values: { delay: 3 } });
    expect(dropping?.('halt', 'input', {})?.ok).toBe(false);
    const storing = compileModel({ ...EMPTY, unknown: 'store', services }, none).service;
    expect(storing?.('halt', 'input', 7)).toEqual({ ok: true, values: 7 });
  });

  it('services in a profile of ThingsBoard devices are told to have no effect', () => {
    const found: { at: string; level: string }[] = [];
    const report = (issue: { at: string; level: string }): void => void found.push(issue);
    const parsed = parseProfile({ name: 'm', model: { version: '1', services: { a: {} } } }, report);
    expect(parsed && resolveProfile(parsed, { file: 'm.json', env: {} }, report)).toBeDefined();
    expect(found).toMatchObject([{ at: '/model/services', level: 'warning' }]);
  });

  it.each<[string, unknown, string, string]>([
    [
      'a wrong value of a service',
      { version: '1', services: { 's/t': { output: { a: { type: 'enum' } } } } },
      '/model/services/s~1t/output/a',
      'missing-field',
    ],
    ['an unknown part of a service', { version: '1', services: { s: { inputs: {} } } }, '/model/services/s', ''],
    ['no version', { measurepoints: {} }, '/model', 'missing-field'],
    ['an unknown type', { version: '1', measurepoints: { a: { type: 'decimal' } } }, '/model/measurepoints/a/type', ''],
    [
      'a member of another type',
      { version: '1', attributes: { a: { type: 'bool', max: 1 } } },
      '/max',
      'ignored-field',
    ],
    ['an empty range', { version: '1', events: { e: { a: { type: 'int', min: 2, max: 1 } } } }, '/min', 'wrong-range'],
    ['an enum without values', { version: '1', measurepoints: { 'a/b': { type: 'enum' } } }, '/a~1b', 'missing-field'],
    ['a struct without fields', { version: '1', measurepoints: { a: { type: 'struct' } } }, '/a', 'missing-field'],
    ['arrays six deep', { version: '1', measurepoints: { a: nested(6) } }, '/items', 'too-deep'],
    ['a text as model', 'm', '/model', 'wrong-type'],
  ])('a profile with a wrong model is refused at its place: %s', (_, model, at, rule) => {
    const found: { at: string; rule: string }[] = [];
    const report = (issue: { at: string; rule: string }): void => void found.push(issue);
    const parsed = parseProfile({ name: 'm', model }, report);
    if (parsed) expect(resolveProfile(parsed, { file: 'm.json', env: {} }, report)).toBeUndefined();
    expect(found[0]?.at).toContain(at);
    expect(found[0]?.rule).toContain(rule);
  });
});

function nested(depth: number): unknown {
  return depth === 0 ? { type: 'int' } : { type: 'array', items: nested(depth - 1) };
}
