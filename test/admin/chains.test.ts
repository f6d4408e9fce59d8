import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Harness, startHarness } from './harness.ts';

let admin: Harness;
beforeEach(async () => {
  admin = await startHarness();
});
afterEach(() => admin[Symbol.asyncDispose]());

const CHAIN = '/api/gridmoor/chains/onboarding';
interface ChainFile {
  nodes: Record<string, { kind: string; config?: Record<string, unknown>; to?: Record<string, unknown> }>;
  [key: string]: unknown;
}

async function read(url = CHAIN): Promise<{ etag: string; chain: ChainFile }> {
  const answer = await admin.api('GET', url);
  expect(answer.statusCode).toBe(200);
  return { etag: String(answer.headers.etag), chain: answer.json() };
}

const put = (url: string, body: unknown, ifMatch?: string) =>
  admin.inject({
    method: 'PUT',
    url,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      'content-type': 'application/json',
      ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    },
    payload: JSON.stringify(body),
  });

const generation = () => admin.core.live.current.generation.id;
const chainFile = () => readFileSync(join(admin.chainsDir, 'onboarding.json'), 'utf8');

/** The chain with another text in one of its log nodes: every test still passes. */
function harmless(chain: ChainFile): ChainFile {
  return { ...chain, description: `changed, ${Object.keys(chain.nodes).length} nodes` };
}

describe('PUT /api/gridmoor/chains/:name', () => {
  it('numbers keep their text, there and back', async () => {
    const { etag, chain } = await read();
    const value = '"odd":{"kind":"transform/set-keys","config":{"msg":{"big":9007199254740993,"exact":42.0,"e":1E3}}}';
    const text = JSON.stringify(chain).replace('"nodes":{', `"nodes":{${value},`);
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'if-match': etag };
    const answer = await admin.inject({ method: 'PUT', url: CHAIN, headers, payload: text });
    expect([answer.statusCode, answer.body]).toEqual([200, expect.any(String)]);
    expect(chainFile()).toContain('{ "big": 9007199254740993, "exact": 42.0, "e": 1E3 }');
    expect((await admin.api('GET', CHAIN)).body).toContain('{"big":9007199254740993,"exact":42.0,"e":1E3}');
    const reader = await admin.core.apiKeys.create({ name: 'reads', role: 'read-only', by: 'test' });
    const read2 = await admin.api('GET', CHAIN, undefined, reader.secretKey.reveal());
    expect(read2.body).toContain('{"big":9007199254740993,"exact":42.0,"e":1E3}');
  });

  it('refuses a key that stands twice, by its place, and changes nothing', async () => {
    const { etag, chain } = await read();
    const before = chainFile();
    const text = JSON.stringify(chain).replace(
      '"nodes":{',
      '"nodes":{"a":{"kind":"action/log"},\n"a":{"kind":"action/log"},',
    );
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'if-match': etag };
    const answer = await admin.inject({ method: 'PUT', url: CHAIN, headers, payload: text });
    expect(answer.json()).toMatchObject({ status: 400, code: 'BAD_REQUEST', at: 'nodes/a' });
    expect(answer.json().detail).toMatch(
      /^body \/nodes\/a: the key stands twice in its object, again at line 2, column 1/,
    );
    expect(chainFile()).toBe(before);
  });

  it('writes a chain of which only the last digits of a number differ', async () => {
    const { chain } = await read();
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', 'if-match': '*' };
    for (const big of ['9007199254740992', '9007199254740993']) {
      const node = `"big":{"kind":"transform/set-keys","config":{"msg":{"big":${big}}}},`;
      const payload = JSON.stringify(chain).replace('"nodes":{', `"nodes":{${node}`);
      expect((await admin.inject({ method: 'PUT', url: CHAIN, headers, payload })).statusCode).toBe(200);
      expect(chainFile()).toContain(`"big": ${big}`);
    }
  });

  it('tries, writes and puts a chain in force in one step', async () => {
    const { etag, chain } = await read();
    const before = generation();
    const answer = await put(CHAIN, harmless(chain), etag);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ generation: generation(), canary: false });
    expect(generation()).not.toBe(before);
    expect(JSON.parse(chainFile()).description).toContain('changed');
    const list = (await admin.api('GET', '/api/gridmoor/chain-generations')).json().data;
    expect(list.map((line: { id: string }) => line.id)).toEqual([generation(), before]);
    expect(list[0]).toMatchObject({ by: 'admin-key', inForce: true });
  });

  it('asks which state it changes, and takes only that one', async () => {
    const { etag, chain } = await read();
    expect((await put(CHAIN, chain)).json()).toMatchObject({ status: 428, code: 'PRECONDITION_REQUIRED' });
    expect((await put(CHAIN, harmless(chain), etag)).statusCode).toBe(200);
    const late = await put(CHAIN, chain, etag);
    expect(late.json()).toMatchObject({ status: 412, code: 'PRECONDITION_FAILED' });
    expect((await put(CHAIN, chain, '*')).statusCode).toBe(200);
  });

  it('refuses a chain that does not compile or whose tests fail, naming the place, and changes nothing', async () => {
    const { chain } = await read();
    const file = chainFile();
    const before = generation();
    const unknown = structuredClone(chain);
    for (const node of Object.values(unknown.nodes)) if (node.kind === 'action/log') node.kind = 'action/lug';
    const refused = await put(CHAIN, unknown, '*');
    expect(refused.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' });
    expect(refused.json().detail).toMatch(/onboarding\.json.*action\/lug/s);
    const wrong = structuredClone(chain);
    for (const node of Object.values(wrong.nodes))
      if (node.to?.Valid) node.to = { Valid: node.to.Invalid, Invalid: node.to.Valid };
    const failing = await put(CHAIN, wrong, '*');
    expect(failing.json().detail).toMatch(/chain tests fail:\nonboarding\.test\.json: /);
    expect([chainFile(), generation()]).toEqual([file, before]);
  });

  it('adds a chain, and refuses names that are no file, or not the chain that is sent', async () => {
    const extra = { name: 'extra', first: 'a', nodes: { a: { kind: 'action/log' } } };
    expect((await put('/api/gridmoor/chains/extra', extra)).statusCode).toBe(200);
    expect(existsSync(join(admin.chainsDir, 'extra.json'))).toBe(true);
    expect((await put('/api/gridmoor/chains/..%2Fx', { ...extra, name: '../x' })).statusCode).toBe(400);
    expect((await put('/api/gridmoor/chains/other', { ...extra, name: 'another' })).json().detail).toBe(
      'the file holds no chain named "other"',
    );
    expect((await put('/api/gridmoor/chains/another', extra, '"0"')).statusCode).toBe(412);
  });

  it('leaves a file as its author wrote it when nothing but white space differs', async () => {
    const [file, before] = [chainFile(), generation()];
    const { etag, chain } = await read();
    expect((await put(CHAIN, chain, etag)).json()).toEqual({ generation: before, canary: false });
    expect(chainFile()).toBe(file);
  });

  it('is for administrators alone', async () => {
    const answer = await admin.api('POST', '/api/gridmoor/api-keys', { name: 'op', role: 'operator' });
    const { secretKey: key } = answer.json();
    const { chain } = await read();
    const refused = await admin.inject({
      method: 'PUT',
      url: CHAIN,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'if-match': '*' },
      payload: JSON.stringify(chain),
    });
    expect(refused.statusCode).toBe(403);
  });

  it('shows what looks like a secret in it to administrators alone', async () => {
    const { chain } = await read();
    const text = `the key is gms_f4ae8de1_${'x'.repeat(43)}`;
    const nodes = { say: { kind: 'action/log', config: { level: 'warn', text } } };
    await put('/api/gridmoor/chains/side', { name: 'side', first: 'say', nodes });
    expect((await read('/api/gridmoor/chains/side')).chain.nodes).toEqual(nodes);
    for (const role of ['operator', 'read-only']) {
      const { secretKey: key } = (await admin.api('POST', '/api/gridmoor/api-keys', { name: role, role })).json();
      const side = await admin.api('GET', '/api/gridmoor/chains/side', undefined, key);
      expect(side.json().nodes.say.config).toEqual({ level: 'warn', text: '[redacted]' });
      expect((await admin.api('GET', CHAIN, undefined, key)).json()).toEqual(chain);
    }
  });

  it('of two at the same instant with one ETag, one wins', async () => {
    const { etag, chain } = await read();
    const answers = await Promise.all(['a', 'b'].map((description) => put(CHAIN, { ...chain, description }, etag)));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 412]);
  });
});

describe('roll-back', () => {
  it('puts the files of the generation before this back, and goes forward again by id', async () => {
    const { chain } = await read();
    const [before, file] = [generation(), chainFile()];
    await put(CHAIN, harmless(chain), '*');
    const after = generation();
    const back = await admin.api('POST', '/api/gridmoor/chain-generations/rollback', {});
    expect([back.json().generation, generation(), chainFile()]).toEqual([before, before, file]);
    await admin.api('POST', '/api/gridmoor/chain-generations/rollback', { generation: after });
    expect(generation()).toBe(after);
    const unknown = await admin.api('POST', '/api/gridmoor/chain-generations/rollback', { generation: 'nothing' });
    expect(unknown.statusCode).toBe(404);
  });

  it('takes a file away that the former generation did not have', async () => {
    await put('/api/gridmoor/chains/extra', { name: 'extra', first: 'a', nodes: { a: { kind: 'action/log' } } });
    await admin.api('POST', '/api/gridmoor/chain-generations/rollback', {});
    expect(existsSync(join(admin.chainsDir, 'extra.json'))).toBe(false);
  });

  it('keeps a copy of work in the folder that no generation has', async () => {
    const { chain } = await read();
    await put(CHAIN, harmless(chain), '*');
    const mine = '{"name": "mine", "first": "not finished';
    writeFileSync(join(admin.chainsDir, 'mine.json'), mine);
    const back = (await admin.api('POST', '/api/gridmoor/chain-generations/rollback', {})).json();
    expect(existsSync(join(admin.chainsDir, 'mine.json'))).toBe(false);
    expect(readdirSync(back.setAside)).toEqual(['mine.json']);
    expect(readFileSync(join(back.setAside, 'mine.json'), 'utf8')).toBe(mine);
  });

  it('leaves the files as they were when they cannot be put in force', async () => {
    const { etag, chain } = await read();
    const [before, file] = [generation(), chainFile()];
    const profile = join(admin.chainsDir, '..', 'profiles', 'limited.json');
    const good = readFileSync(profile, 'utf8');
    writeFileSync(profile, '{');
    const refused = await put(CHAIN, harmless(chain), etag);
    expect([refused.statusCode, refused.json().detail]).toEqual([500, expect.stringContaining('limited.json')]);
    expect([generation(), chainFile()]).toEqual([before, file]);
    writeFileSync(profile, good);
  });
});

describe('files that change', () => {
  const until = async (check: () => boolean): Promise<void> => {
    while (!check()) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it('are refused when a chain test fails, and the former ones serve on', async () => {
    const before = generation();
    const path = join(admin.chainsDir, 'onboarding.test.json');
    const tests = JSON.parse(readFileSync(path, 'utf8'));
    tests.cases[0].then.outcome = 'dead-lettered';
    writeFileSync(path, JSON.stringify(tests));
    const chain = JSON.parse(chainFile());
    writeFileSync(join(admin.chainsDir, 'onboarding.json'), JSON.stringify(harmless(chain)));
    await until(() => admin.core.live.problem !== undefined);
    expect(admin.core.live.problem).toContain('chain tests fail');
    expect(generation()).toBe(before);
    tests.cases[0].then.outcome = 'processed';
    writeFileSync(path, JSON.stringify(tests));
    await until(() => generation() !== before);
    expect(admin.core.live.problem).toBeUndefined();
  });

  const failTests = (outcome: string): void => {
    const path = join(admin.chainsDir, 'onboarding.test.json');
    const tests = JSON.parse(readFileSync(path, 'utf8'));
    tests.cases[0].then.outcome = outcome;
    writeFileSync(path, JSON.stringify(tests));
  };
  const warnings = () => admin.logLines.filter((line) => line.includes('"event":"chains.tests-failed"')).length;

  it('tells tests that were changed alone and fail, until they pass again', async () => {
    const before = generation();
    failTests('dead-lettered');
    await until(() => admin.core.live.problem !== undefined);
    expect(admin.core.live.problem).toMatch(/^the chains in force fail their own tests: 1 of \d+ chain tests fail:\n/);
    expect([warnings() > 0, generation()]).toEqual([true, before]);
    failTests('processed');
    await until(() => admin.core.live.problem === undefined);
    expect(generation()).toBe(before);
  });

  it('takes a changed profile though tests of the chains in force fail, and still tells of them', async () => {
    failTests('dead-lettered');
    await until(() => admin.core.live.problem !== undefined);
    const file = join(admin.chainsDir, '..', 'profiles', 'limited.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), history: '7d' }));
    await until(() => warnings() > 1);
    expect(admin.core.live.problem).toContain('chain tests fail');
    expect(admin.core.live.current.profiles.all().find(({ name }) => name === 'limited')).toMatchObject({
      retention: { historyMs: 7 * 86_400_000 },
    });
  });
});
