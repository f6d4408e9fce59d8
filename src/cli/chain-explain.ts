import { resolve } from 'node:path';
import {
  createOutside,
  type Explanation,
  explain as explainMessages,
  explainText,
  loadForRehearsal,
  parseMessages,
  type Stage,
} from '../rules/tools/index.ts';
import { readRegularFile } from '../schema/regular-file.ts';
import { defineCommand } from './command.ts';
import { printIssues } from './findings.ts';
import { CommandFailure, EXIT, type Io, UsageError } from './io.ts';
import { printJson } from './table.ts';

const MAX_BYTES = 1_048_576;

export const explain = defineCommand({
  name: 'chain explain',
  summary: 'Runs one message through a root chain, offline, and tells each node, label, time and condition.',
  args: '<path>',
  flags: {
    msg: { type: 'string', short: 'm', value: '<json>', summary: 'the message, as in "when" of test files' },
    file: {
      type: 'string',
      short: 'f',
      value: '<file>',
      summary: 'a file with the message, or a list; - is standard input',
    },
    given: { type: 'string', value: '<file>', summary: 'what exists before, as in "given" of test files' },
  },
  notes:
    'The path is a chain file or folder. A message is {"telemetry": {…}}, {"attributes": {…}} or {"type": …, "data": {…}};\n' +
    '"from" is the device, device-1 when left out. Secrets are never shown. Exit 1 when the message is dead-lettered.',
  examples: [
    `gridmoor chain explain rule-chains --msg '{"from": "meter-1", "telemetry": {"power": 230}}'`,
    'gridmoor chain explain rule-chains --file message.json --json',
  ],
  async run({ json, msg, file, given }, [path = ''], io) {
    if ((msg === undefined) === (file === undefined)) throw new UsageError('Give the message with --msg or --file.');
    const text = msg ?? (await readInput(io, file ?? ''));
    const world = given === undefined ? undefined : await readInput(io, given);
    const parsed = parseMessages(text, world);
    if (!parsed.ok) throw new CommandFailure(EXIT.usage, parsed.problem);
    const stage: Stage = { outside: createOutside('') };
    const loaded = await loadForRehearsal(resolve(io.cwd, path), stage);
    if (!loaded.ok) {
      printIssues(io, loaded.issues, { json, strict: false, what: path });
      return EXIT.usage;
    }
    const explanation = await explainMessages(loaded.generation, stage, parsed);
    if (json) printJson(io, explanation);
    else io.stdout.write(explainText(explanation));
    return isFine(explanation) ? EXIT.fine : EXIT.findings;
  },
});

const isFine = ({ messages }: Explanation): boolean => messages.every(({ outcome }) => outcome === 'processed');

async function readInput(io: Io, file: string): Promise<string> {
  if (file === '-') {
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of io.stdin) {
      pieces.push(Buffer.from(piece));
      size += pieces.at(-1)?.length ?? 0;
      if (size > MAX_BYTES) throw new CommandFailure(EXIT.usage, `Standard input is larger than ${MAX_BYTES} bytes.`);
    }
    return Buffer.concat(pieces).toString('utf8');
  }
  const read = readRegularFile(resolve(io.cwd, file), MAX_BYTES);
  if (!read.ok) throw new CommandFailure(EXIT.usage, `${file} ${read.problem}.`);
  return read.bytes.toString('utf8');
}
