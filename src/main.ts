#!/usr/bin/env node
import { cli } from './cli/index.ts';

const outputEnded = new AbortController();

// A reader that has read enough, such as `head`, is no fault.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (stream === process.stdout) outputEnded.abort();
  });
}

process.exitCode = await cli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  outputEnded: outputEnded.signal,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  isTty: process.stdout.isTTY === true,
});
