import { describe, expect, it } from 'vitest';
import { createTestContext } from '../../../src/rules/test-context.ts';
import { loadOrThrow, tempFolder, testMsg } from '../../helpers/chain-kit.ts';

/** A chain of one script node; every label it may leave by, and Failure, ends in a log line with the message. */
async function runScriptNode(kind: string, jsScript: string, labels: readonly string[], data: object = {}) {
  const to = Object.fromEntries([...labels, 'Failure'].map((label) => [label, `log ${label}`]));
  const logs = Object.keys(to).map((label) => {
    const script = `return JSON.stringify([${JSON.stringify(label)}, msg, metadata, msgType]);`;
    return [`log ${label}`, { kind: 'action/log', config: { jsScript: script } }];
  });
  const nodes = { script: { kind, config: { jsScript }, to }, ...Object.fromEntries(logs) };
  const chain = { name: 'main', root: true, first: 'script', nodes };
  await using folder = await tempFolder({ 'main.json': JSON.stringify(chain) });
  const generation = await loadOrThrow(folder.path);
  const context = createTestContext();
  const result = await generation.run(testMsg({ data: { ...data }, metadata: { k: 'v' } }, context), context);
  return { outcome: result.outcome, lines: context.logs.map(({ text }) => JSON.parse(text) as unknown[]) };
}

describe('scripts of rule chains', () => {
  it('case 23: a switch that returns [] ends the branch, one that returns 5 fails', async () => {
    expect(await runScriptNode('filter/script-switch', 'return [];', ['a'])).toEqual({
      outcome: 'processed',
      lines: [],
    });
    const { lines } = await runScriptNode('filter/script-switch', 'return 5;', ['5', 'a']);
    expect(lines.map(([label]) => label)).toEqual(['Failure']);
    const both = await runScriptNode('filter/script-switch', "return ['a', 'b'];", ['a', 'b']);
    expect(both.lines.map(([label]) => label)).toEqual(['a', 'b']);
  });

  it('case 24: a filter that returns 1 fails, it is not True', async () => {
    const { lines } = await runScriptNode('filter/script', 'return 1;', ['True', 'False']);
    expect(lines.map(([label]) => label)).toEqual(['Failure']);
    expect(lines[0]?.[2]).toMatchObject({
      error: 'script line 1, column 1: a filter returns true or false, not a number',
    });
  });

  it('case 25: a transform that returns {msg: {}} keeps metadata and type', async () => {
    const { lines } = await runScriptNode('transform/script', 'return {msg: {}};', ['Success'], { a: 1 });
    expect(lines).toEqual([['Success', {}, { k: 'v' }, 'POST_TELEMETRY_REQUEST']]);
  });

  it('case 25: a transform that returns [] fails', async () => {
    const { lines } = await runScriptNode('transform/script', 'return [];', ['Success']);
    expect(lines.map(([label]) => label)).toEqual(['Failure']);
  });

  it('case 25: a transform that returns two objects sends two messages to Success', async () => {
    const script = "return [{msg: {n: 1}}, {msg: {n: 2}, msgType: 'SECOND'}];";
    const { outcome, lines } = await runScriptNode('transform/script', script, ['Success']);
    expect(outcome).toBe('processed');
    expect(lines).toEqual([
      ['Success', { n: 1 }, { k: 'v' }, 'POST_TELEMETRY_REQUEST'],
      ['Success', { n: 2 }, { k: 'v' }, 'SECOND'],
    ]);
  });
});
