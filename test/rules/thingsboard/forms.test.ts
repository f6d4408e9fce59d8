import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/rules/catalogue.ts';
import type { NodeKind, RawConfig } from '../../../src/rules/node-kind.ts';

const kinds: readonly NodeKind[] = catalogue;

function formOf(kind: string) {
  const form = kinds.find((each) => each.kind === kind)?.thingsboard;
  if (!form) throw new Error(`${kind} has no form`);
  return form;
}

const outOf = { name: 'n', chainName: () => undefined, chainId: () => undefined };

describe("configurations in ThingsBoard's words", () => {
  it.each<[string, RawConfig, RawConfig]>([
    [
      'filter/check-fields',
      { messageNames: ['a'], metadataNames: ['b'], checkAllKeys: false },
      { msg: ['a'], metadata: ['b'], all: false },
    ],
    ['transform/delete-keys', { deleteFrom: 'DATA', keys: ['Power_.*'] }, { msg: ['Power_.*'], regex: true }],
    ['transform/delete-keys', { deleteFrom: 'METADATA', keys: ['ss_a'] }, { metadata: ['ss_a'] }],
    ['transform/rename-keys', { renameIn: 'METADATA', renameKeysMapping: { a: 'b' } }, { metadata: { a: 'b' } }],
  ])('%s reads %j and writes it again', (kind, theirs, ours) => {
    const form = formOf(kind);
    expect(form.read?.(theirs, outOf)).toEqual(ours);
    expect(form.write?.(ours, outOf)).toEqual(theirs);
  });

  it('writes patterns of keys as regular expressions', () => {
    expect(formOf('transform/delete-keys').write?.({ msg: ['debug_*', '1.8.0'] }, outOf)).toEqual({
      deleteFrom: 'DATA',
      keys: ['debug_.*', '1\\.8\\.0'],
    });
  });

  it('refuses a node over body and metadata, of which ThingsBoard needs two', () => {
    const both = { msg: ['a'], metadata: ['b'] };
    expect(() => formOf('transform/delete-keys').write?.(both, outOf)).toThrow('make two of it');
  });

  it('gives a log line without a script one that says the same there, and the line back here', () => {
    const form = formOf('action/log');
    const line = { level: 'warn', text: 'refused: ${error} at $[grid.name]', data: false };
    const theirs = form.write?.({ ...line, scriptLang: 'JS' }, outOf) ?? {};
    expect(theirs.jsScript).toBe('return "refused: " + metadata["error"] + " at " + msg["grid"]["name"];');
    expect(form.read?.(theirs, outOf)).toEqual(line);
  });

  it('refuses attributes without a scope, which ThingsBoard cannot run either', () => {
    expect(() => formOf('action/save-attributes').read?.({ notifyDevice: true }, outOf)).toThrow('"scope" is missing');
  });
});
