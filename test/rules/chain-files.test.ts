import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
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

  it('reads a file once that is named by itself and by its folder', async () => {
    await using folder = await tempFolder({ 'a.json': 'A' });
    const { files, issues } = await readChainFiles([folder.path, folder.file('a.json'), `${folder.path}/./a.json`]);
    expect([files.length, issues]).toEqual([1, []]);
    const { issues: missing } = await readChainFiles([folder.file('b.json')]);
    expect(missing).toMatchObject([{ problem: 'there is no such file or folder' }]);
  });

  it('names what cannot be read, and reads the rest', async () => {
    await using folder = await tempFolder({ 'a.json': 'A' });
    await mkdir(folder.file('b.json'));
    const { files, issues } = await readChainFiles([folder.file('gone'), folder.path]);
    expect(files).toHaveLength(1);
    expect(issues).toMatchObject([
      { file: folder.file('gone'), rule: 'unreadable' },
      { file: folder.file('b.json'), rule: 'unreadable', problem: 'is not a regular file' },
    ]);
  });

  it('refuses pipes and devices at once, and text that is not UTF-8', async () => {
    await using folder = await tempFolder();
    execFileSync('mkfifo', [folder.file('pipe.json')]);
    await symlink('/dev/zero', folder.file('zero.json'));
    await writeFile(folder.file('latin1.json'), Buffer.from('{"name":"Energía"}', 'latin1'));
    const { files, issues } = await readChainFiles([folder.path]);
    expect(files).toEqual([]);
    expect(issues.map(({ rule, problem }) => [rule, problem])).toEqual([
      ['not-utf8', 'is not UTF-8 text'],
      ['unreadable', 'is not a regular file'],
      ['unreadable', 'is not a regular file'],
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

  it('does not wait for a pipe', async () => {
    await using folder = await tempFolder();
    execFileSync('mkfifo', [folder.file('pipe.json')]);
    expect(() => readLookup(folder.file('c.json'), 'pipe.json')).toThrow('"pipe.json" is not a regular file');
  });
});
