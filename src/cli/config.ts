import { loadConfig, redactConfig, type ShownSetting } from '../config/index.ts';
import { defineCommand } from './command.ts';
import { printIssues } from './findings.ts';
import { group } from './frame.ts';
import { EXIT, type Io } from './io.ts';
import { printJson, printTable } from './table.ts';

const flags = { config: { type: 'string', short: 'c', value: '<file>', summary: 'configuration file' } } as const;

const load = (io: Io, config: string | undefined) =>
  loadConfig({ argv: config === undefined ? [] : ['--config', config], env: io.env, cwd: io.cwd });

const check = defineCommand({
  name: 'config check',
  summary: 'Checks the environment and gridmoor.json; names every finding.',
  flags,
  examples: ['gridmoor config check', 'gridmoor config check -c /etc/gridmoor.json --json'],
  async run({ config, json }, _args, io) {
    const loaded = await load(io, config);
    const issues = loaded.ok ? loaded.warnings : loaded.issues;
    return printIssues(io, issues, { json, strict: false, what: 'configuration' });
  },
});

const show = defineCommand({
  name: 'config show',
  summary: 'Shows every setting, its value and where that came from. Secrets are [redacted].',
  flags,
  examples: ['gridmoor config show', 'gridmoor config show --json'],
  async run({ config, json }, _args, io) {
    const loaded = await load(io, config);
    if (!loaded.ok) return printIssues(io, loaded.issues, { json, strict: false, what: 'configuration' });
    const settings = redactConfig(loaded.config, loaded.sources);
    if (json) printJson(io, { settings });
    else printTable(io, ['SETTING', 'VALUE', 'FROM'], settings.map(row));
    return EXIT.fine;
  },
});

function row({ env, value, source }: ShownSetting): string[] {
  return [env, value === undefined ? '' : String(value), source.kind === 'default' ? 'default' : source.name];
}

export const run = group('config', 'The configuration.', [check, show]);
