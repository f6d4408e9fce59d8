import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const LIST = 'GET /api/gridmoor/suppliers?page=0&pageSize=100';
const made = { id: 'id-1', name: 'Sol Energia', secretKey: 'gms_invented' };

describe('supplier', () => {
  it('create prints id, name and key on stdout, and that the key is shown once on stderr', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/suppliers': { status: 201, body: made } });
    const ran = await runCli(['supplier', 'create', 'Sol Energia'], { env: api.env });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toBe('id:        id-1\nname:      Sol Energia\nsecretKey: gms_invented\n');
    expect(ran.stderr).toContain('shown this once');
    expect(api.asked[0]?.body).toEqual({ name: 'Sol Energia' });
  });

  it('create --json prints the answer and nothing else', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/suppliers': { status: 201, body: made } });
    const ran = await runCli(['supplier', 'create', 'Sol Energia', '--json'], { env: api.env });
    expect(JSON.parse(ran.stdout)).toEqual(made);
    expect(ran.stderr).toBe('');
  });

  it('list gives one tab-separated row a line into a pipe, columns with headings on a terminal', async () => {
    const data = [
      { id: 'a', name: 'Sol', createdTime: 0 },
      { id: 'bb', name: 'Viento\u001b[2J', createdTime: 1_700_000_000_000 },
    ];
    await using api = await startApi({ [LIST]: { body: { data, totalElements: 9, hasNext: true } } });
    const piped = await runCli(['supplier', 'list'], { env: api.env });
    expect(piped.stdout).toBe('a\tSol\t1970-01-01T00:00:00Z\nbb\tViento?[2J\t2023-11-14T22:13:20Z\n');
    expect(piped.stderr).toBe('2 of 9; more with --page 1\n');
    const shown = await runCli(['supplier', 'list'], { env: api.env, isTty: true });
    expect(shown.stdout.split('\n').slice(0, 2)).toEqual([
      'ID  NAME        CREATED',
      'a   Sol         1970-01-01T00:00:00Z',
    ]);
  });

  it('rotate sends the grace in seconds and the name as one segment of the path', async () => {
    await using api = await startApi({ 'POST /api/gridmoor/suppliers/Sol%2FEnergia/rotate': { body: made } });
    const ran = await runCli(['supplier', 'rotate', 'Sol/Energia', '--grace', '60'], { env: api.env });
    expect(ran.code).toBe(0);
    expect(api.asked[0]?.body).toEqual({ graceSeconds: 60 });
  });

  it.each(['-5', '1.5', 'soon'])('rotate refuses %s as a grace', async (grace) => {
    const ran = await runCli(['supplier', 'rotate', 'Sol', `--grace=${grace}`]);
    expect(ran).toMatchObject({ code: 2 });
    expect(ran.stderr).toContain('--grace takes whole seconds');
  });

  it('delete takes an answer without a body, and never steps up in the path', async () => {
    await using api = await startApi({ 'DELETE /api/gridmoor/suppliers/Sol': { status: 204, body: '' } });
    expect(await runCli(['supplier', 'delete', 'Sol'], { env: api.env })).toMatchObject({
      code: 0,
      stdout: 'deleted Sol\n',
    });
    expect((await runCli(['supplier', 'delete', '..'], { env: api.env })).code).toBe(2);
    expect(api.asked).toHaveLength(1);
  });
});
