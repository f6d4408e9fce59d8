import { describe, expect, it } from 'vitest';
import { runChainTests } from '../../src/rules/chain-test.ts';
import { chainText, tempFolder } from '../helpers/chain-kit.ts';

const CHAIN = chainText({
  'by-type': {
    kind: 'filter/msg-type-switch',
    to: { 'Post attributes': 'attributes', 'Post telemetry': 'series', Other: 'end' },
  },
  attributes: { kind: 'action/save-attributes', to: { Success: ['tell', 'note'] } },
  tell: { kind: 'action/reply', config: { body: { model: '$[model]' } } },
  note: { kind: 'action/log' },
  series: { kind: 'action/save-telemetry' },
  end: { kind: 'flow/dead-letter', config: { reason: 'no rule for ${deviceName}' } },
});

/** Runs one case; its name is filled in. */
async function run(test: string, chain = CHAIN) {
  await using folder = await tempFolder({ 'main.json': chain, 'main.test.json': `{"cases":[{"name":"c",${test}}]}` });
  return await runChainTests(folder.path);
}

const differences = async (test: string): Promise<readonly string[]> => {
  const report = await run(test);
  expect(report.issues).toEqual([]);
  return report.cases[0]?.differences ?? ['no case'];
};

const SENT = '"when":[{"from":"m1","attributes":{"model":"GW-1"}}]';

describe('runChainTests', () => {
  it('passes the sample tests of the box', async () => {
    const report = await runChainTests('rule-chains');
    expect(report.issues).toEqual([]);
    expect(report.cases.filter((one) => !one.ok)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.cases.length).toBeGreaterThanOrEqual(11);
  });

  it('passes a case that says all there is', async () => {
    expect(
      await differences(`${SENT},"then":{"outcome":"processed",
        "path":[["by-type","Post attributes","attributes","Success","tell"],["by-type","Post attributes","attributes","Success","note"]],
        "attributes":{"m1":{"CLIENT_SCOPE":{"model":"GW-1"}}},"telemetry":{},"attachments":[],"reply":{"model":"GW-1"},"alarms":[]}`),
    ).toEqual([]);
  });

  it('sees a key named __proto__ like any other', async () => {
    const sent = '"when":[{"from":"m1","telemetry":{"__proto__":5,"a":1}}]';
    expect(await differences(`${sent},"then":{"telemetry":{"m1":{"__proto__":5,"a":1}}}`)).toEqual([]);
    const [text] = await differences(`${sent},"then":{"telemetry":{"m1":{"a":1}}}`);
    expect(text).toContain('actual:   {"m1":{"__proto__":5,"a":1}}');
  });

  it('shows expected and actual path, one line per branch', async () => {
    const [text] = await differences(`${SENT},"then":{"path":["by-type","Other","end"]}`);
    expect(text).toBe(
      [
        'path',
        '  expected: by-type > Other > end',
        '  actual:   by-type > Post attributes > attributes > Success > tell',
        '            by-type > Post attributes > attributes > Success > note',
      ].join('\n'),
    );
  });

  it.each([
    ['"outcome":"dead-lettered"', 'outcome'],
    ['"reply":null', 'reply'],
    ['"reply":{"model":"GW-2"}', 'reply'],
    ['"attributes":{}', 'attributes'],
    ['"attributes":{"m1":{"CLIENT_SCOPE":{"model":"GW-1","more":1}}}', 'attributes'],
    ['"telemetry":{"m1":{"a":1}}', 'telemetry'],
    ['"attachments":[{"device":"m1","supplier":"s","supplyPoint":"x"}]', 'attachments'],
    ['"deadLetter":{"node":"end"}', 'deadLetter'],
  ])('finds that %s is not so', async (then, what) => {
    const found = await differences(`${SENT},"then":{${then}}`);
    expect(found).toHaveLength(1);
    expect(found[0]?.split('\n')[0]).toBe(what);
  });

  it('names node and reason of an outcome that was not expected', async () => {
    const [text] = await differences('"when":[{"from":"m1","type":"FOO"}],"then":{"outcome":"processed"}');
    expect(text).toContain('actual:   dead-lettered at end: no rule for m1');
  });

  it('looks for the reason of a dead letter as a part of it', async () => {
    const when = '"when":[{"from":"m1","type":"FOO"}]';
    expect(await differences(`${when},"then":{"deadLetter":{"node":"end","reason":"no rule"}}`)).toEqual([]);
    expect(await differences(`${when},"then":{"deadLetter":{"node":"end","reason":"other"}}`)).toHaveLength(1);
  });

  it('keeps the text of numbers, and does not mind the order of keys', async () => {
    const when = '"when":[{"from":"m1","telemetry":{"a":42.0,"b":9007199254740993}}]';
    expect(await differences(`${when},"then":{"telemetry":{"m1":{"b":9007199254740993,"a":42.0}}}`)).toEqual([]);
    expect(await differences(`${when},"then":{"telemetry":{"m1":{"b":9007199254740992,"a":42.0}}}`)).toHaveLength(1);
    expect(await differences(`${when},"then":{"telemetry":{"m1":{"b":9007199254740993,"a":42}}}`)).toHaveLength(1);
  });

  it('shows the latest telemetry by its time, and path and reply of the last message', async () => {
    const when =
      '"when":[{"from":"m1","attributes":{"model":"GW-1"}},{"from":"m1","ts":5,"telemetry":{"a":1}},{"from":"m1","ts":3,"telemetry":{"a":2,"b":2}}]';
    expect(
      await differences(
        `${when},"then":{"path":["by-type","Post telemetry","series"],"reply":null,"telemetry":{"m1":{"a":1,"b":2}}}`,
      ),
    ).toEqual([]);
  });

  it('runs each case in a world of its own', async () => {
    await using folder = await tempFolder({
      'main.json': CHAIN,
      'main.test.json': `{"cases":[{"name":"a",${SENT},"then":{}},{"name":"b","when":[{"from":"m1","telemetry":{"a":1}}],"then":{"attributes":{}}}]}`,
    });
    expect((await runChainTests(folder.path)).ok).toBe(true);
    const twice = await runChainTests([folder.path, folder.file('main.test.json')]);
    expect(twice.cases.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('with nothingElse, what is not named must be empty', async () => {
    const named = '"attributes":{"m1":{"CLIENT_SCOPE":{"model":"GW-1"}}},"reply":{"model":"GW-1"}';
    expect(await differences(`${SENT},"then":{${named},"nothingElse":true}`)).toEqual([]);
    const [text, ...rest] = await differences(`${SENT},"then":{"reply":{"model":"GW-1"},"nothingElse":true}`);
    expect(text).toContain('attributes\n  expected: {}');
    expect(rest).toEqual([]);
  });

  it('moves its clock only by advance and at', async () => {
    const when = '"when":[{"from":"m1","telemetry":{"a":1}},{"advance":1000},{"from":"m1","telemetry":{"a":2}}]';
    expect(await differences(`${when},"then":{"telemetry":{"m1":{"a":2}}}`)).toEqual([]);
    const back = '"when":[{"from":"m1","telemetry":{"a":1},"at":1},{"from":"m1","ts":5,"telemetry":{"a":2}}]';
    expect(await differences(`${back},"then":{"telemetry":{"m1":{"a":1}}}`)).toEqual([]);
  });

  it('lets mocks stand for nodes that reach outside only', async () => {
    const report = await run(`"given":{"mocks":{"series":{},"gone":{}}},${SENT},"then":{}`);
    expect(report.issues).toMatchObject([
      { at: '/cases/0/given/mocks/series', problem: 'action/save-telemetry reaches nothing outside: it just runs' },
      { at: '/cases/0/given/mocks/gone', problem: 'there is no node "gone"' },
    ]);
  });

  it('refuses a mock that leaves by a label that its kind has not', async () => {
    const config = { restEndpointUrlPattern: 'https://a.example/' };
    const chain = chainText({ 'by-type': { kind: 'external/http', config } });
    const mocks = '"mocks":{"by-type":[{"to":"Sucess"},{"to":"Failure"},{}]}';
    expect((await run(`"given":{${mocks}},${SENT},"then":{}`, chain)).issues).toMatchObject([
      { at: '/cases/0/given/mocks/by-type', problem: 'external/http never leaves by "Sucess"' },
    ]);
  });

  it.each([
    ['nothing', '{}'],
    ['a sender without a message', '{"from":"m1"}'],
    ['a clock that goes back', '{"advance":-1}'],
    ['two messages in one', '{"from":"m1","telemetry":{},"attributes":{}}'],
    ['a message without a sender', '{"telemetry":{},"advance":1}'],
  ])('refuses %s in when', async (_, entry) => {
    const report = await run(`"when":[${entry}],"then":{}`);
    expect(report.ok).toBe(false);
    expect(report.cases).toEqual([]);
  });

  it('refuses a test file with a misspelt member', async () => {
    const report = await run(`${SENT},"then":{"outcom":"processed"}`);
    expect(report.ok).toBe(false);
    expect(report.issues).toMatchObject([
      { at: '/cases/0/then/outcom', rule: 'unknown-field', hint: 'did you mean "outcome"?' },
    ]);
  });

  it('says that the chains beside the tests do not load', async () => {
    const report = await run(`${SENT},"then":{}`, '{');
    expect(report).toMatchObject({ ok: false, cases: [], issues: [{ rule: 'not-json' }] });
  });

  it('says which chain a test file is for, when there is none', async () => {
    await using folder = await tempFolder({
      'main.json': CHAIN,
      'x.test.json': `{"cases":[{"name":"c",${SENT},"then":{}}]}`,
    });
    expect(await runChainTests(folder.file('x.test.json'))).toMatchObject({
      ok: false,
      issues: [{ rule: 'unknown-chain', problem: 'there is no chain in x.json' }],
    });
    await folder.write('x.test.json', `{"chain":"main","cases":[{"name":"c",${SENT},"then":{}}]}`);
    expect((await runChainTests(folder.file('x.test.json'))).ok).toBe(true);
  });

  it('is not ok when a path is not there', async () => {
    expect(await runChainTests('rule-chains/gone')).toMatchObject({ ok: false, issues: [{ rule: 'unreadable' }] });
  });
});
