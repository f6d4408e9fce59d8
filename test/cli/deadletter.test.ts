import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const URL = '/api/gridmoor/dead-letters';
const ID = 'b-1~a node/x';
const letter = {
  id: ID,
  at: 0,
  originator: { entityType: 'DEVICE', id: 'd', name: 'meter-1' },
  chain: 'main',
  node: 'a node/x',
  reason: 'TIMEOUT',
  msgType: 'POST_TELEMETRY_REQUEST',
  retries: 2,
};
const part = (tried: number, deadLettered: number, left: number) => ({
  body: { until: 77, tried, processed: tried - deadLettered, deadLettered, left },
});

describe('deadletter', () => {
  it('list passes its filters on and prints one row a letter', async () => {
    const url = `${URL}?chain=main&node=a+node%2Fx&device=meter-1&reason=TIME&page=0&pageSize=100`;
    await using api = await startApi({
      [`GET ${url}`]: { body: { data: [letter], totalElements: 1, hasNext: false } },
    });
    const flags = ['--chain', 'main', '--node', 'a node/x', '--device', 'meter-1', '--reason', 'TIME'];
    expect(await runCli(['deadletter', 'list', ...flags], { env: api.env })).toEqual({
      code: 0,
      stdout: `${ID}\t1970-01-01T00:00:00Z\tmeter-1\tmain/a node/x\t2\tTIMEOUT\n`,
      stderr: '',
    });
  });

  it('show prints the letter with its data, and as JSON', async () => {
    const body = { ...letter, metadata: { ts: '5' }, data: { power: 230 } };
    await using api = await startApi({ [`GET ${URL}/${encodeURIComponent(ID)}`]: { body } });
    const { stdout } = await runCli(['deadletter', 'show', ID], { env: api.env });
    expect(stdout).toMatch(/^originator: +DEVICE meter-1 \(d\)$/m);
    expect(stdout).toMatch(/^metadata ts: +5$/m);
    expect(stdout).toContain('"power": 230');
    const json = await runCli(['deadletter', 'show', ID, '--json'], { env: api.env });
    expect(JSON.parse(json.stdout)).toEqual(body);
  });

  it.each([
    ['processed', 0],
    ['dead-lettered', 1],
    ['under-way', 0],
  ])('retry of one says %s and ends with %i', async (outcome, code) => {
    await using api = await startApi({ [`POST ${URL}/${encodeURIComponent(ID)}/retry`]: { body: { outcome } } });
    expect(await runCli(['deadletter', 'retry', ID], { env: api.env })).toEqual({
      code,
      stdout: `${outcome}\n`,
      stderr: '',
    });
  });

  it('retry --from-start asks for just that, for one and for many', async () => {
    const one = `POST ${URL}/${encodeURIComponent(ID)}/retry?fromStart=true`;
    await using api = await startApi({
      [one]: { body: { outcome: 'processed' } },
      [`POST ${URL}/retry`]: part(1, 0, 0),
    });
    expect((await runCli(['deadletter', 'retry', ID, '--from-start'], { env: api.env })).code).toBe(0);
    expect((await runCli(['deadletter', 'retry', '--all', '--from-start'], { env: api.env })).code).toBe(0);
    expect((await runCli(['deadletter', 'retry', '--from-start'], { env: api.env })).code).toBe(2);
  });

  it('retry of many goes on until none is left, up to the time of its first request', async () => {
    let answered = 0;
    const answers = [part(100, 1, 50), part(50, 0, 0)];
    await using api = await startApi({
      get [`POST ${URL}/retry`]() {
        return answers[answered++] ?? part(0, 0, 0);
      },
    });
    const ran = await runCli(['deadletter', 'retry', '--node', 'save'], { env: api.env });
    expect(ran).toEqual({ code: 1, stdout: '150 tried: 149 processed, 1 dead-lettered again, 0 left\n', stderr: '' });
    expect(api.asked.map(({ body }) => body)).toEqual([
      { node: 'save', limit: 100 },
      { node: 'save', until: 77, limit: 100 },
    ]);
  });

  it('retry of many stops when nothing more can be tried', async () => {
    await using api = await startApi({ [`POST ${URL}/retry`]: part(0, 0, 9) });
    const ran = await runCli(['deadletter', 'retry', '--all', '--json'], { env: api.env });
    expect([ran.code, JSON.parse(ran.stdout).left, api.asked.length]).toEqual([1, 9, 1]);
  });

  it.each([[[]], [[ID, '--all']], [[ID, '--chain', 'main']]])('retry %j is a usage error', async (words) => {
    expect(await runCli(['deadletter', 'retry', ...words])).toMatchObject({ code: 2 });
  });

  it('delete says so', async () => {
    await using api = await startApi({ [`DELETE ${URL}/${encodeURIComponent(ID)}`]: { status: 204, body: '' } });
    expect(await runCli(['deadletter', 'delete', ID], { env: api.env })).toMatchObject({
      code: 0,
      stdout: 'deleted\n',
    });
  });
});
