import { resolve } from 'node:path';
import { exportChains } from '../rules/tools/index.ts';
import { writeConverted } from './chain-convert.ts';
import { defineCommand } from './command.ts';
import { resolveAll } from './findings.ts';
import { EXIT, UsageError } from './io.ts';

export const exportCommand = defineCommand({
  name: 'chain export',
  summary: "Turns chains into exports that ThingsBoard's UI imports: all of them, or none.",
  args: '<file...>',
  flags: {
    out: { type: 'string', short: 'o', value: '<folder>', summary: 'where the exports are written' },
    force: { type: 'boolean', summary: 'replace files that are there and differ' },
  },
  notes:
    'Without --out, the one chain goes to standard output. Nodes that ThingsBoard has no counterpart of are errors.\n' +
    'ThingsBoard gives chains ids of its own: after an import there, choose the target of each rule chain node again;\n' +
    'its name stands beside the id.',
  examples: [
    'gridmoor chain export rule-chains/meters.json > meters.json',
    'gridmoor chain export rule-chains --out tb',
  ],
  async run({ out, force, json }, paths, io) {
    const conversion = await exportChains(resolveAll(io, paths, '.'));
    if (out === undefined && !json && conversion.chains.length === 1) {
      io.stdout.write(conversion.chains[0]?.text ?? '');
      return EXIT.fine;
    }
    if (out === undefined && conversion.chains.length > 0) {
      throw new UsageError('gridmoor chain export: --out <folder> is missing.');
    }
    const folder = resolve(io.cwd, out ?? '.');
    return writeConverted(io, conversion, { folder, force, json });
  },
});
