import { dirname, resolve } from 'node:path';
import { importChains } from '../rules/tools/index.ts';
import { short, writeConverted } from './chain-convert.ts';
import { defineCommand } from './command.ts';
import { resolveAll } from './findings.ts';
import { EXIT } from './io.ts';

const DEFAULT_FOLDER = 'rule-chains';

export const importCommand = defineCommand({
  name: 'chain import',
  summary: "Turns ThingsBoard's rule-chain exports into native chains: all of them, or none.",
  args: '<file...>',
  flags: {
    out: { type: 'string', short: 'o', value: '<folder>', summary: `where the chains are written (${DEFAULT_FOLDER})` },
    force: { type: 'boolean', summary: 'replace files that are there and differ' },
  },
  notes:
    "Takes what ThingsBoard's UI, REST API and version control export, old forms too; a folder gives all its files.\n" +
    'Configurations are brought to the newest version; one that cannot be is an error. Notes, places and descriptions\n' +
    'are kept for chain export. An export also runs as it is: put it into rule-chains/.',
  examples: ['gridmoor chain import root_rule_chain.json', 'gridmoor chain import exports/ --out rule-chains --json'],
  async run({ out, force, json }, paths, io) {
    const folder = resolve(io.cwd, out ?? DEFAULT_FOLDER);
    const conversion = await importChains(resolveAll(io, paths, '.'), { into: folder });
    const code = writeConverted(io, conversion, { folder, force, json });
    const twice = [...new Set(conversion.chains.map(({ from }) => from))].filter((from) => dirname(from) === folder);
    for (const file of twice) io.stderr.write(`Remove ${short(io, file)}: its chains are now there twice.\n`);
    const roots = conversion.roots.map((file) => short(io, file));
    if (code === EXIT.fine && roots.length > 1) {
      io.stderr.write(
        `${roots.join(' and ')} are root chains, and chains with more than one do not load: take "root": true out of ` +
          'all but one, or name the root in a file of its own: { "rootChain": "…" }\n',
      );
    }
    return code;
  },
});
