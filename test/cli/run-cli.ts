import { cli } from '../../src/cli/index.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly isTty?: boolean;
  readonly stdin?: string;
  readonly outputEnded?: AbortSignal;
}

/** Runs a command line in this process; nothing of the real environment reaches it. */
export async function runCli(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await cli(argv, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: (async function* () {
      yield options.stdin ?? '';
    })(),
    env: options.env ?? {},
    cwd: options.cwd ?? process.cwd(),
    ...(options.outputEnded ? { outputEnded: options.outputEnded } : {}),
    isTty: options.isTty ?? false,
  });
  return { code, stdout: out.join(''), stderr: err.join('') };
}
