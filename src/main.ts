#!/usr/bin/env node
import { cli } from './cli/index.ts';

process.exitCode = await cli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  isTty: process.stdout.isTTY === true,
});
