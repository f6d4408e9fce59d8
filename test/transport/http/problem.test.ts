import { expect, it } from 'vitest';
import { BrokerError, ERROR_CODES, type ErrorCode } from '../../../src/errors.ts';
import { isThingsBoardPath, toProblem, withThingsBoardMembers } from '../../../src/transport/http/problem.ts';

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

it('has the message and the number that clients of ThingsBoard read, and keeps its own members', () => {
  const { problem } = toProblem(new BrokerError('DEVICE_NOT_FOUND', { field: 'id', detail: 'no such device' }));
  expect(withThingsBoardMembers(problem, 1_700_000_000_000)).toEqual({
    ...problem,
    message: 'no such device',
    errorCode: 32,
    timestamp: 1_700_000_000_000,
  });
});

it.each([
  ['UNAUTHORIZED', 10],
  ['TOKEN_EXPIRED', 11],
  ['FORBIDDEN', 20],
  ['BAD_REQUEST', 31],
  ['NAME_TAKEN', 31],
  ['NOT_OFFERED', 32],
  ['RATE_LIMITED', 33],
  ['ALARM_LIMIT', 41],
  ['STORE_UNAVAILABLE', 2],
  ['INTERNAL', 2],
] as const)('%s is number %i at ThingsBoard', (code, number) => {
  expect(withThingsBoardMembers(toProblem(new BrokerError(code)).problem, 0).errorCode).toBe(number);
});

it.each([
  ['/api/device/1', true],
  ['/api/auth/login?x=1', true],
  ['/api/nowhere', true],
  ['/api/v2/relation', true],
  ['/api/gridmoor/devices', false],
  ['/api/gridmoor', false],
  ['/api/v1/token/telemetry', false],
  ['/readyz', false],
  ['/', false],
])('%s as a path of ThingsBoard: %s', (url, expected) => {
  expect(isThingsBoardPath(url)).toBe(expected);
});
