import { describe, expect, it } from 'vitest';
import { startApi } from './fake-api.ts';
import { runCli } from './run-cli.ts';

const attachment = {
  device: { id: 'd', name: 'meter-1' },
  supplier: { id: 's', name: 'Sol' },
  supplyPoint: 'ES1234123456789012JY',
  grid: { id: 'g', name: 'North', code: '1234' },
  since: 0,
};

describe('attachment', () => {
  it('list passes its filters on and prints one row an attachment', async () => {
    const url = '/api/gridmoor/attachments?device=meter-1&supplyPoint=ES+1&supplier=Sol&page=0&pageSize=100';
    await using api = await startApi({
      [`GET ${url}`]: { body: { data: [attachment], totalElements: 1, hasNext: false } },
    });
    const words = ['attachment', 'list', '--device', 'meter-1', '--supply-point', 'ES 1', '--supplier', 'Sol'];
    const ran = await runCli(words, { env: api.env });
    const row = 'meter-1\tSol\tES1234123456789012JY\tNorth\t1970-01-01T00:00:00Z\n';
    expect(ran).toEqual({ code: 0, stdout: row, stderr: '' });
  });

  it('history prints what happened, when and by whom', async () => {
    const entry = { event: 'attached', at: 0, by: 'chain:onboarding', ...attachment };
    const body = { data: [entry], totalElements: 1, hasNext: false };
    await using api = await startApi({ 'GET /api/gridmoor/attachments/meter-1/history': { body } });
    const ran = await runCli(['attachment', 'history', 'meter-1'], { env: api.env });
    expect(ran.stdout).toBe('1970-01-01T00:00:00Z\tattached\tchain:onboarding\tSol\tES1234123456789012JY\tNorth\n');
  });

  it('move sends what was said and no more', async () => {
    const body = { outcome: 'moved', attachment };
    await using api = await startApi({ 'POST /api/gridmoor/attachments/meter-1/move': { body } });
    const ran = await runCli(['attachment', 'move', 'meter-1', '--supplier', 'Sol', '--grid-code', '7'], {
      env: api.env,
    });
    expect(ran.stdout).toContain('moved\tmeter-1\tSol');
    expect(api.asked[0]?.body).toEqual({ supplier: 'Sol', grid: { code: '7' } });
  });

  it('move without a target is a usage error', async () => {
    expect(await runCli(['attachment', 'move', 'meter-1'])).toMatchObject({ code: 2 });
  });

  it('end says what was ended', async () => {
    await using api = await startApi({ 'DELETE /api/gridmoor/attachments/meter-1': { body: attachment } });
    const ran = await runCli(['attachment', 'end', 'meter-1'], { env: api.env });
    expect(ran.stdout).toBe('ended: meter-1, Sol, ES1234123456789012JY\n');
  });
});
