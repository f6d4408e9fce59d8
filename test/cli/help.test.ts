import { describe, expect, it } from 'vitest';
import { defineCommand } from '../../src/cli/command.ts';
import { commandHelp } from '../../src/cli/help.ts';

const base = { name: 'noun verb', summary: 'Does it.', examples: ['gridmoor noun verb'], run: async () => 0 } as const;

describe('commandHelp', () => {
  it('shows words, flags with their values in one column, notes and the example', () => {
    const command = defineCommand({
      ...base,
      args: '<name>',
      flags: { port: { type: 'string', short: 'p', value: '<port>', summary: 'which port' } },
      notes: 'More.',
    });
    expect(commandHelp(command)).toBe(
      [
        'Does it.',
        '',
        'Usage: gridmoor noun verb <name> [flags]',
        '',
        'Flags:',
        '  -p, --port <port>  which port',
        '      --json         print JSON',
        '  -h, --help         print this help',
        '',
        'More.',
        '',
        'Example:',
        '  gridmoor noun verb',
        '',
      ].join('\n'),
    );
  });

  it('gives -h to a flag of the command that claims it', () => {
    const host = { type: 'string', short: 'h', value: '<host>', summary: 'where' } as const;
    const text = commandHelp(defineCommand({ ...base, flags: { host } }));
    expect(text).toContain('-h, --host <host>');
    expect(text).toContain('      --help');
  });
});
