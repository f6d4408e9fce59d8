import { expect, it } from 'vitest';
import { BrokerError, ERROR_CODES, type ErrorCode } from '../../../src/errors.ts';
import { toProblem } from '../../../src/transport/http/problem.ts';

it('every code has its title and an error status', () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const { problem } = toProblem(new BrokerError(code));
    expect(problem).toMatchObject({ type: 'about:blank', code, title: ERROR_CODES[code] });
    expect(problem.status).toBeGreaterThanOrEqual(400);
  }
});

it('the field is in "at", the detail in "detail", other facts and the cause nowhere', () => {
  const error = new BrokerError('BAD_REQUEST', { field: 'name', detail: 'too long', device: 'd-1' }, { cause: 'why' });
  expect(JSON.stringify(toProblem(error).problem)).toBe(
    '{"type":"about:blank","title":"The request is not of the form this interface takes.","status":400,' +
      '"code":"BAD_REQUEST","detail":"too long","at":"name"}',
  );
});

it('an unknown fault is INTERNAL, ours, and says nothing of itself', () => {
  const { problem, ours } = toProblem(new TypeError('cannot read secret of undefined'));
  expect([problem.code, problem.status, ours]).toEqual(['INTERNAL', 500, true]);
  expect(JSON.stringify(problem)).not.toContain('secret');
});

it('a system error with a code of its own is INTERNAL too', () => {
  const error = Object.assign(new Error('ENOENT: no such file /data/x'), { code: 'ENOENT', statusCode: 404 });
  expect(toProblem(error).problem).toMatchObject({ code: 'INTERNAL', status: 500 });
});

it('a peer that goes in the middle of its body is not our fault; a connection of ours that is reset is', () => {
  const error = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  expect(toProblem(error).ours).toBe(true);
  expect(toProblem(Object.assign(error, { statusCode: 400 }))).toMatchObject({ ours: false, problem: { status: 400 } });
});
