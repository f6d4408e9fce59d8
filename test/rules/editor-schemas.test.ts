import { describe, expect, it } from 'vitest';
import {
  type CompletionItem,
  type Diagnostic,
  getLanguageService,
  type JSONSchema,
  TextDocument,
} from 'vscode-json-languageservice';
import { profileSchema } from '../../src/profiles/index.ts';
import { catalogue } from '../../src/rules/catalogue.ts';
import { chainSchema, chainTestSchema } from '../../src/rules/chain-schema.ts';

/* What VS Code does with a file that names one of our schemas: the same service, without the editor. */

const SCHEMAS = { chain: chainSchema(), test: chainTestSchema(), profile: profileSchema() } as const;
type Which = keyof typeof SCHEMAS;

const service = getLanguageService({});
service.configure({
  validate: true,
  allowComments: false,
  schemas: Object.entries(SCHEMAS).map(([name, schema]) => ({
    uri: `file:///${name}.schema.json`,
    fileMatch: [`*.${name}.json`],
    schema: schema as JSONSchema,
  })),
});

function open(which: Which, text: string) {
  const document = TextDocument.create(`file:///a.${which}.json`, 'json', 1, text);
  return { document, json: service.parseJSONDocument(document) };
}

/** Labels that the editor offers where `|` stands. */
async function offers(which: Which, text: string): Promise<string[]> {
  const { document, json } = open(which, text.replace('|', ''));
  const list = await service.doComplete(document, document.positionAt(text.indexOf('|')), json);
  return (list?.items ?? []).map(({ label }: CompletionItem) => label);
}

async function finds(which: Which, value: unknown): Promise<string[]> {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const { document, json } = open(which, text);
  const found: Diagnostic[] = await service.doValidation(document, json);
  return found.map(({ range, message }) => `${document.getText(range)}: ${message}`);
}

const chain = (node: object) => ({ name: 'a', root: true, first: 'n', nodes: { n: node } });
/** A chain whose one node is still being typed. */
const typing = (node: string): string => `{"name":"a","first":"n","nodes":{"n":{${node}}}}`;

describe('an editor with the schema of chains', () => {
  it('offers every kind, with what it does', async () => {
    const text = typing('"kind":|');
    const { document, json } = open('chain', text.replace('|', ''));
    const list = await service.doComplete(document, document.positionAt(text.indexOf('|')), json);
    const items = list?.items ?? [];
    expect(items.map(({ label }) => JSON.parse(label)).sort()).toEqual(catalogue.map(({ kind }) => kind).sort());
  });

  it.each(catalogue.map((kind) => [kind.kind, kind] as const))(
    'offers the config and labels of %s, and no others',
    async (name, kind) => {
      const config = await offers('chain', typing(`"kind":"${name}","config":{|}`));
      expect(config.sort()).toEqual(Object.keys(kind.fields).sort());
      const labels = await offers('chain', typing(`"kind":"${name}","to":{|}`));
      const fixed = kind.relations.filter((label) => label !== '*');
      const expected = kind.relations.length === 0 ? [] : [...fixed, 'Failure'];
      expect(labels.sort()).toEqual([...new Set(expected)].sort());
    },
  );

  it('offers the words of a field', async () => {
    const text = typing('"kind":"action/save-attributes","config":{"scope":|}');
    expect(await offers('chain', text)).toEqual(
      expect.arrayContaining(['"CLIENT_SCOPE"', '"SERVER_SCOPE"', '"SHARED_SCOPE"']),
    );
  });

  it('offers the operators of conditions', async () => {
    const text = typing('"kind":"filter/conditions","config":{"conditions":{"all":[{"fact":"msg","operator":|}]}}');
    expect(await offers('chain', text)).toEqual(expect.arrayContaining(['"equal"', '"greaterThan"', '"exists"']));
  });

  it.each<[string, object, string]>([
    ['a misspelt kind', { kind: 'action/save-telemetri' }, '"action/save-telemetri"'],
    ['a misspelt config key', { kind: 'action/log', config: { txt: 'x' } }, '"txt"'],
    [
      'a label that the kind has not',
      { kind: 'filter/check-fields', config: { msg: ['a'] }, to: { Treu: 'n' } },
      '"Treu"',
    ],
    ['a wrong type', { kind: 'filter/check-fields', config: { msg: 'a' } }, '"a"'],
    ['a label of another case', { kind: 'onboard/attach', to: { attached: 'n' } }, '"attached"'],
  ])('underlines %s', async (_, node, where) => {
    const found = await finds('chain', chain(node));
    expect(found.length).toBeGreaterThan(0);
    expect(found.some((one) => one.startsWith(where))).toBe(true);
  });

  it('underlines nothing in the examples of the kinds', async () => {
    for (const { kind, examples, relations } of catalogue) {
      for (const { config } of examples) {
        const [label] = relations;
        const to = label === undefined || label === '*' ? {} : { to: { [label]: [] } };
        expect(await finds('chain', chain({ kind, config, ...to })), kind).toEqual([]);
      }
    }
  });
});

describe('an editor with the schema of chain tests', () => {
  it('offers what a case, a message and an expectation can say', async () => {
    expect(await offers('test', '{"cases":[{|}]}')).toEqual(expect.arrayContaining(['name', 'given', 'when', 'then']));
    expect(await offers('test', '{"cases":[{"when":[{|}]}]}')).toEqual(
      expect.arrayContaining(['from', 'telemetry', 'advance', 'at']),
    );
    expect(await offers('test', '{"cases":[{"then":{|}}]}')).toEqual(
      expect.arrayContaining(['path', 'outcome', 'nothingElse']),
    );
    expect(await offers('test', '{"cases":[{"then":{"outcome":|}}]}')).toEqual(['"processed"', '"dead-lettered"']);
  });

  it('underlines a misspelt member, and nothing in a good case', async () => {
    // biome-ignore lint/suspicious/noThenProperty: the word of chain tests
    const good = { cases: [{ name: 'c', when: [{ from: 'm', telemetry: { a: 1 } }], then: { outcome: 'processed' } }] };
    expect(await finds('test', good)).toEqual([]);
    expect((await finds('test', JSON.stringify(good).replace('outcome', 'outcom')))[0]).toMatch(/^"outcom": /);
  });
});

describe('an editor with the schema of profiles', () => {
  it('offers its members, the strategies, and underlines what is unknown', async () => {
    expect(await offers('profile', '{|}')).toEqual(expect.arrayContaining(['name', 'provision', 'telemetrySchema']));
    expect(await offers('profile', '{"name":"m","provision":{"strategy":|}}')).toContain('"allow-create-new-devices"');
    expect(await finds('profile', { name: 'm', provision: { strategy: 'disabled' } })).toEqual([]);
    expect((await finds('profile', { name: 'm', provison: {} }))[0]).toMatch(/^"provison": /);
  });
});
