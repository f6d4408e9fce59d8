import { mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { isChainFile, readChainFiles, readLookup } from '../../src/rules/chain-files.ts';
import { tempFolder } from '../helpers/chain-kit.ts';

describe('readChainFiles', () => {
  it('gives the chain files of a folder in order of name', async () => {
    await using folder = await tempFolder({ 'b.json': 'B', 'a.json': 'A', 'a.test.json': 'T' });
    const { files, issues } = await readChainFiles([folder.path]);
    expect(issues).toEqual([]);
    expect(files).toEqual([
      { path: folder.file('a.json'), text: 'A' },
      { path: folder.file('b.json'), text: 'B' },
    ]);
  });

  it('names what cannot be read, and reads the rest', async () => {
    await using folder = await tempFolder({ 'a.json': 'A' });
    await mkdir(folder.file('b.json'));
    const { files, issues } = await readChainFiles([folder.file('gone'), folder.path]);
    expect(files).toHaveLength(1);
    expect(issues).toMatchObject([
      { file: folder.file('gone'), rule: 'unreadable' },
      { file: folder.file('b.json'), rule: 'unreadable', problem: 'cannot be read (EISDIR)' },
    ]);
  });
});

it.each([
  ['a.json', true],
  ['a.test.json', false],
  ['chain.schema.json', false],
  ['a.jsonc', false],
  ['.a.json', false],
])('isChainFile(%s) is %s', (name, expected) => {
  expect(isChainFile(name)).toBe(expected);
});

describe('readLookup', () => {
  it('reads relative to the chain, and tells the watcher', async () => {
    await using folder = await tempFolder({ 't.json': '{"a":1}' });
    const read: string[] = [];
    expect(readLookup(folder.file('chain.json'), './t.json', (path) => read.push(path))).toEqual({ a: 1 });
    expect(read).toEqual([folder.file('t.json')]);
  });

  it.each(['../t.json', '/etc/hostname', 'a/../../t.json', '..'])('does not leave the folder: %s', async (path) => {
    await using folder = await tempFolder();
    expect(() => readLookup(folder.file('chain.json'), path)).toThrow('outside');
  });

  it('says what is wrong with a table', async () => {
    await using folder = await tempFolder({ 'bad.json': '{' });
    expect(() => readLookup(folder.file('c.json'), 'gone.json')).toThrow('there is no file "gone.json"');
    expect(() => readLookup(folder.file('c.json'), 'bad.json')).toThrow('"bad.json" is not JSON');
  });
});
