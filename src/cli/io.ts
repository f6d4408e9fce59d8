/** Where a command reads and writes; handed in so that tests need no process. */
export interface Io {
  readonly stdout: Out;
  readonly stderr: Out;
  /** Aborted when stdout takes no more: its reader has gone, or the disk is full; absent: it always does. */
  readonly outputEnded?: AbortSignal;
  /** Standard input, read only by commands that say so in their help. */
  readonly stdin: AsyncIterable<string | Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Whether stdout is a terminal: tables get headings and aligned columns. */
  readonly isTty: boolean;
}

export interface Out {
  write(text: string): unknown;
}

/** Exit codes of every command. */
export const EXIT = { fine: 0, findings: 1, usage: 2, unreachable: 3 } as const;

/** Ends a command with an exit code and lines for stderr; anything else that is thrown is a fault of ours. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A command was typed wrongly; the frame adds how it is typed. */
export class UsageError extends CommandFailure {
  constructor(message: string) {
    super(EXIT.usage, message);
  }
}
