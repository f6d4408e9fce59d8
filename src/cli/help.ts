import type { Command, Flag } from './command.ts';

/** `--help` of one command: how it is typed, its flags, an example. */
export function commandHelp(command: Command): string {
  const entries = Object.entries(command.flags);
  const ownsH = entries.some(([, flag]) => flag.short === 'h');
  const rows = entries.map(([name, flag]) => [flagText(name, flag, ownsH), flag.summary] as const);
  const usage = ['gridmoor', command.name, command.args, '[flags]'].filter(Boolean).join(' ');
  return [
    `${command.summary}\n`,
    `Usage: ${usage}\n`,
    'Flags:',
    columns(rows),
    command.notes ? `\n${command.notes}` : undefined,
    `\nExample${command.examples.length > 1 ? 's' : ''}:`,
    ...command.examples.map((example) => `  ${example}`),
    '',
  ]
    .filter((line) => line !== undefined)
    .join('\n');
}

/** `--help` of a noun: its verbs, and the first verb's example. */
export function groupHelp(noun: string, summary: string, commands: readonly Command[]): string {
  const rows = commands.map((command) => {
    const verb = command.name.slice(noun.length + 1);
    return [command.args ? `${verb} ${command.args}` : verb, command.summary] as const;
  });
  return [
    `${summary}\n`,
    `Usage: gridmoor ${noun} <verb> [flags]\n`,
    'Verbs:',
    columns(rows),
    '\nExample:',
    `  ${commands[0]?.examples[0] ?? `gridmoor ${noun} --help`}`,
    `\ngridmoor ${noun} <verb> --help tells more.\n`,
  ].join('\n');
}

/** Two columns, indented, the first as wide as its widest word. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}

function flagText(name: string, flag: Flag, ownsH: boolean): string {
  const short = name === 'help' && !ownsH ? 'h' : flag.short;
  const value = flag.type === 'string' ? ` ${flag.value ?? '<value>'}` : '';
  return `${short ? `-${short}, ` : '    '}--${name}${value}`;
}
