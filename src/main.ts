#!/usr/bin/env node
import { cli } from './cli/index.ts';

const outputEnded = new AbortController();

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that has read enough, such as `head`, is no fault; a full disk is told once, not for every line.
  if (error.code !== 'EPIPE' && !outputEnded.signal.aborted) {
    process.exitCode = 1;
    process.stderr.write(`Standard output cannot be written (${error.code}).\n`);
  }
  outputEnded.abort();
});
// There is nowhere left to tell it.
process.stderr.on('error', () => {});

const code = await cli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  outputEnded: outputEnded.signal,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  isTty: process.stdout.isTTY === true,
});
process.exitCode ||= code;
