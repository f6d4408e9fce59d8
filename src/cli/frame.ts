import { parseArgs } from 'node:util';
import { nearest } from '../schema/validate.ts';
import type { Command, Run } from './command.ts';
import { commandHelp, groupHelp } from './help.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';

/** A noun with verbs: picks the command by the first word. */
export function group(noun: string, summary: string, commands: readonly Command[]): Run {
  const verbs = new Map(commands.map((command) => [command.name.slice(noun.length + 1), command]));
  return async (args, io) => {
    const [word, ...rest] = args;
    if (word === undefined || word === '--help' || word === '-h' || word === 'help') {
      const told = word === 'help' && rest[0] !== undefined ? verbs.get(rest[0]) : undefined;
      (word === undefined ? io.stderr : io.stdout).write(told ? commandHelp(told) : groupHelp(noun, summary, commands));
      return word === undefined ? EXIT.usage : EXIT.fine;
    }
    const command = verbs.get(word);
    if (command) return runCommand(command, rest, io);
    io.stderr.write(`${unknownWord(`gridmoor ${noun}`, word, [...verbs.keys()])}\n`);
    return EXIT.usage;
  };
}

/** A noun that is itself the command: `serve`, `doctor`. */
export function single(command: Command): Run {
  return (args, io) => runCommand(command, args, io);
}

export function unknownWord(before: string, word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  const hint = near ? `Did you mean "${before} ${near}"?` : `Known: ${known.join(', ')}.`;
  return `${before}: there is no "${word}". ${hint}`;
}

/** Parses flags, answers --help, runs, and turns failures into an exit code and lines on stderr. */
export async function runCommand(command: Command, args: readonly string[], io: Io): Promise<number> {
  try {
    const parsed = parseFlags(command, args);
    if (parsed.given.help === true) {
      io.stdout.write(commandHelp(command));
      return EXIT.fine;
    }
    checkCount(command, parsed.args);
    return await command.run(parsed.given, parsed.args, io);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    io.stderr.write(`${error.message}\n`);
    if (error instanceof UsageError) io.stderr.write(`See: gridmoor ${command.name} --help\n`);
    return error.exitCode;
  }
}

interface Parsed {
  readonly given: Record<string, string | boolean | undefined>;
  readonly args: readonly string[];
}

function parseFlags(command: Command, args: readonly string[]): Parsed {
  const ownsH = Object.values(command.flags).some((flag) => flag.short === 'h');
  const options = Object.fromEntries(
    Object.entries(command.flags).map(([name, flag]) => {
      const short = name === 'help' && !ownsH ? 'h' : flag.short;
      return [name, { type: flag.type, ...(short ? { short } : {}) }];
    }),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const given: Record<string, string | boolean | undefined> = Object.fromEntries(
    Object.entries(command.flags).map(([name, flag]) => [name, flag.type === 'boolean' ? false : undefined]),
  );
  const rest: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') rest.push(token.value);
    if (token.kind !== 'option') continue;
    const flag = Object.hasOwn(command.flags, token.name) ? command.flags[token.name] : undefined;
    if (flag === undefined) throw new UsageError(unknownFlag(command, token.rawName));
    if (flag.type === 'boolean') {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value.`);
      given[token.name] = true;
    } else {
      if (token.value === undefined)
        throw new UsageError(`${token.rawName} needs a value: ${flag.value ?? '<value>'}.`);
      given[token.name] = token.value;
    }
  }
  return { given, args: rest };
}

function unknownFlag(command: Command, raw: string): string {
  const near = raw.startsWith('--') ? nearest(raw.slice(2), Object.keys(command.flags)) : undefined;
  return `gridmoor ${command.name}: there is no flag "${raw}".${near ? ` Did you mean "--${near}"?` : ''}`;
}

function checkCount(command: Command, args: readonly string[]): void {
  const words = command.args?.split(' ') ?? [];
  const missing = words.filter((word) => word.startsWith('<'))[args.length];
  if (missing) throw new UsageError(`gridmoor ${command.name}: ${missing} is missing.`);
  const endless = words.at(-1)?.includes('...') ?? false;
  if (!endless && args.length > words.length) {
    throw new UsageError(`gridmoor ${command.name}: "${args[words.length]}" is one word too many.`);
  }
}
