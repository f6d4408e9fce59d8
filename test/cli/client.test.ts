import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { freePort, startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const NO_PAGE = {
  'GET /api/gridmoor/suppliers?page=0&pageSize=100': { body: { data: [], totalElements: 0, hasNext: false } },
};
const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'gridmoor-cli-'));

describe('the client of the management API', () => {
  it('sends the key from GRIDMOOR_ADMIN_KEY', async () => {
    await using api = await startApi(NO_PAGE);
    expect((await runCli(['supplier', 'list'], { env: api.env })).code).toBe(0);
    expect(api.asked[0]?.headers.authorization).toBe('Bearer gma_invented-for-the-test');
  });

  it('else from the file GRIDMOOR_ADMIN_KEY_FILE names, without its line end', async () => {
    await using api = await startApi(NO_PAGE);
    const cwd = emptyFolder();
    writeFileSync(join(cwd, 'key.txt'), 'from-a-file\n');
    const env = { GRIDMOOR_URL: api.url, GRIDMOOR_ADMIN_KEY_FILE: 'key.txt' };
    expect((await runCli(['supplier', 'list'], { env, cwd })).code).toBe(0);
    expect(api.asked[0]?.headers.authorization).toBe('Bearer from-a-file');
  });

  it('else from admin.key in the data directory', async () => {
    await using api = await startApi(NO_PAGE);
    const cwd = emptyFolder();
    writeFileSync(join(cwd, 'admin.key'), 'from-the-data\n');
    const env = { GRIDMOOR_DATA_DIR: cwd };
    expect((await runCli(['supplier', 'list', '--url', api.url], { env })).code).toBe(0);
    expect(api.asked[0]?.headers.authorization).toBe('Bearer from-the-data');
  });

  it('without an answer ends with 3 and says how to start the broker, also without a key', async () => {
    const env = { GRIDMOOR_URL: `http://127.0.0.1:${await freePort()}` };
    const ran = await runCli(['device', 'list'], { env, cwd: emptyFolder() });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('ECONNREFUSED');
    expect(ran.stderr).toContain('npx gridmoor serve');
  });

  it('with a refused key says which one it was and where keys are looked for, and never the key', async () => {
    await using api = await startApi({ 'GET /api/gridmoor/suppliers?page=0&pageSize=100': { status: 401, body: {} } });
    const ran = await runCli(['supplier', 'list'], { env: api.env });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain('does not know the key from GRIDMOOR_ADMIN_KEY.');
    expect(ran.stderr).toContain('admin.key of the data directory');
    expect(ran.stderr).not.toContain('gma_');
  });

  it('without a key says which file is missing', async () => {
    await using api = await startApi({ 'GET /api/gridmoor/suppliers?page=0&pageSize=100': { status: 401, body: {} } });
    const cwd = emptyFolder();
    const ran = await runCli(['supplier', 'list'], { env: { GRIDMOOR_URL: api.url }, cwd });
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain(`asks for a key, and ${join(cwd, 'data', 'admin.key')} is not there.`);
  });

  it("passes on code and detail of a problem, without the control characters of a peer's text", async () => {
    const body = { code: 'NAME_TAKEN', detail: 'The name \u001b[31m is in use.' };
    await using api = await startApi({ 'POST /api/gridmoor/suppliers': { status: 409, body } });
    const ran = await runCli(['supplier', 'create', 'Sol'], { env: api.env });
    expect(ran).toMatchObject({ code: 1, stderr: 'NAME_TAKEN: The name ?[31m is in use.\n' });
  });

  it('keeps the lines of a detail that has several', async () => {
    const body = { code: 'BAD_REQUEST', detail: 'a.json: /first: error\r\n  hint \u001b[31m\nb.json: error' };
    await using api = await startApi({ 'POST /api/gridmoor/suppliers': { status: 422, body } });
    const ran = await runCli(['supplier', 'create', 'Sol'], { env: api.env });
    expect(ran.stderr).toBe('BAD_REQUEST: a.json: /first: error\n  hint ?[31m\nb.json: error\n');
  });

  it('does not follow a redirect, which would carry the key elsewhere', async () => {
    await using other = await startApi(NO_PAGE);
    const location = `${other.url}/api/gridmoor/suppliers?page=0&pageSize=100`;
    await using api = await startApi({
      'GET /api/gridmoor/suppliers?page=0&pageSize=100': { status: 302, headers: { location }, body: {} },
    });
    expect((await runCli(['supplier', 'list'], { env: api.env })).code).toBe(3);
    expect(other.asked).toEqual([]);
  });

  it('another server, which answers with a page, is told apart', async () => {
    await using api = await startApi({ 'GET /api/gridmoor/suppliers?page=0&pageSize=100': { body: '<html>' } });
    const ran = await runCli(['supplier', 'list'], { env: api.env });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toContain('is it another server?');
  });

  it.each(['ftp://127.0.0.1', 'nonsense', 'http://user:word@127.0.0.1'])('refuses %s as a URL', async (url) => {
    expect((await runCli(['supplier', 'list', '--url', url])).code).toBe(2);
  });
});
