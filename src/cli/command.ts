import type { Io } from './io.ts';

export interface Flag {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What stands behind the flag in help: `<name>`. */
  readonly value?: string;
  readonly summary: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** Flags as a command gets them: a string or undefined, or a boolean. */
export type Given<F extends Flags> = {
  readonly [K in keyof F]: F[K]['type'] extends 'boolean' ? boolean : string | undefined;
};

/** One command with its flag types erased. */
export interface Command {
  /** As typed after `gridmoor`: `device list`. */
  readonly name: string;
  readonly summary: string;
  /** Positional arguments in help; `<x>` must be given, `[x]` may be, `...` repeats the last. */
  readonly args?: string;
  readonly flags: Flags;
  readonly examples: readonly [string, ...string[]];
  /** More for `--help`, below the flags. */
  readonly notes?: string;
  run(given: Readonly<Record<string, string | boolean | undefined>>, args: readonly string[], io: Io): Promise<number>;
}

/** What every noun's file exports as `run`: the words after the noun, and the exit code. */
export type Run = (args: string[], io: Io) => Promise<number>;

/** Every command has these. */
const COMMON = {
  json: { type: 'boolean', summary: 'print JSON' },
  help: { type: 'boolean', summary: 'print this help' },
} as const satisfies Flags;

/** Declares a command; `run` gets its flags typed. */
export function defineCommand<const F extends Flags>(
  declaration: Omit<Command, 'run' | 'flags'> & {
    readonly flags: F;
    run(given: Given<F & typeof COMMON>, args: readonly string[], io: Io): Promise<number>;
  },
): Command {
  const { run, ...rest } = declaration;
  return {
    ...rest,
    flags: { ...declaration.flags, ...COMMON },
    run: (given, args, io) => run(given as Given<F & typeof COMMON>, args, io),
  };
}
