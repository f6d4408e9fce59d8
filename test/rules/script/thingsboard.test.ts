import { describe, expect, it } from 'vitest';
import { catalogue } from '../../../src/rules/catalogue.ts';
import { lintChain } from '../../../src/rules/lint.ts';
import type { NodeKind } from '../../../src/rules/node-kind.ts';
import { parseChains } from '../../../src/rules/parse.ts';
import { createTestContext } from '../../../src/rules/test-context.ts';
import { writeThingsBoardChain } from '../../../src/rules/thingsboard/index.ts';
import { loadOrThrow, tempFolder, testMsg } from '../../helpers/chain-kit.ts';
import { exportOf } from '../../helpers/thingsboard-export.ts';

/** The default scripts that ThingsBoard puts into new nodes, or ones like them: of both languages, one of them active. */
const LOG =
  "return '\\nIncoming message:\\n' + JSON.stringify(msg) + '\\nIncoming metadata:\\n' + JSON.stringify(metadata);";
const SWITCH = (add: string) => `function nextRelation(metadata, msg) {
    return ['one','nine'];
}
if(msgType === 'POST_TELEMETRY_REQUEST') {
    return ${add};
}
return nextRelation(metadata, msg);`;

const chain = (lang: 'JS' | 'TBEL' | undefined, change: object = {}) => {
  const scripts = (js: string, tbel: string) => ({
    ...(lang === undefined ? {} : { scriptLang: lang }),
    jsScript: js,
    tbelScript: lang === undefined ? null : tbel,
  });
  return exportOf(
    'scripts',
    [
      {
        type: 'filter.TbJsFilterNode',
        name: 'warm',
        configuration: { ...scripts('return msg.temperature > 20;', 'return msg.temperature > 20;'), ...change },
      },
      { type: 'filter.TbJsSwitchNode', name: 'which', configuration: scripts(SWITCH("['two']"), SWITCH("['two']")) },
      {
        type: 'transform.TbTransformMsgNode',
        name: 'change',
        configuration: scripts(
          'msg.f = msg.temperature * 9 / 5 + 32;\nreturn {msg: msg, metadata: metadata, msgType: msgType};',
          'msg.f = msg.temperature * 9 / 5 + 32;\nreturn {msg: msg, metadata: metadata, msgType: msgType};',
        ),
      },
      { type: 'action.TbLogNode', name: 'say', configuration: scripts(LOG, LOG) },
    ],
    [
      [0, 'True', 1],
      [1, 'two', 2],
      [2, 'Success', 3],
    ],
  );
};

const read = (value: object) => parseChains([{ path: 'a.json', text: JSON.stringify(value) }], catalogue);
const kinds = new Map<string, NodeKind>(catalogue.map((kind) => [kind.kind, kind]));

describe("scripts of ThingsBoard's exports", () => {
  it.each(['JS', 'TBEL', undefined] as const)('run as they are (scriptLang %s)', async (lang) => {
    await using folder = await tempFolder({ 'a.json': JSON.stringify(chain(lang)) });
    const generation = await loadOrThrow(folder.path);
    const context = createTestContext();
    const result = await generation.run(testMsg({ data: { temperature: 25 } }, context), context);
    expect(result.outcome).toBe('processed');
    expect(context.logs.map(({ text }) => text)).toEqual([
      '\nIncoming message:\n{"temperature":25,"f":77}\nIncoming metadata:\n{}',
    ]);
  });

  it('come back out as they went in', () => {
    const { graphs } = read(chain('TBEL'));
    const [graph] = graphs;
    if (!graph) throw new Error('no chain');
    const written = writeThingsBoardChain(graph, { kinds: catalogue });
    const nodes = (written.value as { metadata: { nodes: { configuration: object }[] } }).metadata.nodes;
    const wanted = chain('TBEL').metadata.nodes.map((node) => (node as { configuration?: object }).configuration);
    expect(nodes.map(({ configuration }) => configuration)).toEqual(wanted);
  });

  it('what is not in the language is refused at load with file, node, line, column and a hint', () => {
    const value = chain('JS', { jsScript: 'var a = 1;\nreturn msg.name.match(a);' });
    expect(read(value).issues).toMatchObject([
      {
        file: 'a.json',
        at: '/metadata/nodes/0/configuration',
        rule: 'not-supported',
        level: 'error',
        problem:
          'node "warm" (TbJsFilterNode): script line 2, column 17: ".match()" is not in the language (use /pattern/.test(text), indexOf, split, substring)',
      },
    ]);
  });

  it('a file that says what to do with unsupported nodes loads, and the node fails', () => {
    const value = { ...chain('JS', { jsScript: 'return new Map();' }), onUnsupported: 'fail' };
    const { graphs, issues } = read(value);
    expect(issues.filter(({ level }) => level === 'error')).toEqual([]);
    expect(graphs[0]?.nodes.get('warm')?.kind).toBe('flow/unsupported');
    expect(graphs[0] && lintChain(graphs[0], kinds).issues.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
