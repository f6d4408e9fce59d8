import { describe, expect, it } from 'vitest';
import { parseCommands } from '../../../src/admin/live/commands.ts';

const ID = '0193b5f2-0000-7000-8000-000000000000';
const parse = (message: unknown) => parseCommands(JSON.stringify(message));
const cmd = { cmdId: 1, entityType: 'DEVICE', entityId: ID };

describe('parseCommands', () => {
  it('reads both forms alike', () => {
    const expected = { kind: 'subscribe', id: 1, deviceId: ID, scopes: undefined, keys: new Set(['a', 'b']) };
    expect(parse({ cmds: [{ ...cmd, type: 'TIMESERIES', keys: 'a,b' }] })).toEqual([expected]);
    expect(parse({ tsSubCmds: [{ ...cmd, keys: 'a,b' }] })).toEqual([expected]);
  });

  it('reads attributes of one scope, or of all when none is named', () => {
    const scopes = (scope: unknown) => parse({ attrSubCmds: [{ ...cmd, scope }] })?.[0];
    expect(scopes('SHARED_SCOPE')).toMatchObject({ scopes: ['SHARED_SCOPE'] });
    expect(scopes(undefined)).toMatchObject({ scopes: ['CLIENT_SCOPE', 'SHARED_SCOPE', 'SERVER_SCOPE'] });
    expect(scopes('OTHER')).toMatchObject({ kind: 'wrong', id: 1 });
  });

  it('puts the login before the commands that came with it', () => {
    const kinds = parse({ cmds: [{ ...cmd, type: 'TIMESERIES' }], authCmd: { cmdId: 0, token: 't' } });
    expect(kinds?.map(({ kind }) => kind)).toEqual(['auth', 'subscribe']);
  });

  it.each([
    [{ cmds: [{ ...cmd, type: 'ALARM_DATA' }] }],
    [{ historyCmds: [cmd] }],
    [{ tsSubCmds: [{ ...cmd, entityId: 'x' }] }],
    [{ tsSubCmds: [{ ...cmd, keys: 7 }] }],
    [{ tsSubCmds: [{ ...cmd, timeWindow: 60_000 }] }],
  ])('%j is wrong, and says so under its number', (message) => {
    expect(parse(message)).toEqual([{ kind: 'wrong', id: 1, problem: expect.any(String) }]);
  });

  it.each(['', '[]', '1', '{"cmds":[1]}', JSON.stringify({ cmds: Array.from({ length: 101 }, () => cmd) })])(
    '%s is no message of commands',
    (text) => {
      expect(parseCommands(text)).toBeUndefined();
    },
  );
});
