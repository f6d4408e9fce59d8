import { resolve } from 'node:path';
import { configSchema } from '../config/index.ts';
import { profileSchema } from '../profiles/index.ts';
import { chainSchema, chainTestSchema, formatJson } from '../rules/index.ts';
import { defineCommand } from './command.ts';
import { single } from './frame.ts';
import { type GeneratedFile, generate, generateFlags } from './generated.ts';

/** The JSON schemas that files of users name in `$schema`. */
export function schemaFiles(): GeneratedFile[] {
  return [
    { path: 'rule-chains/chain.schema.json', text: formatJson(chainSchema()) },
    { path: 'rule-chains/chain-test.schema.json', text: formatJson(chainTestSchema()) },
    { path: 'device-profiles/profile.schema.json', text: formatJson(profileSchema()) },
    { path: 'gridmoor.schema.json', text: formatJson(configSchema()) },
  ];
}

export const run = single(
  defineCommand({
    name: 'schema',
    summary: 'Writes the JSON schemas with which an editor completes and checks chains, profiles and gridmoor.json.',
    flags: generateFlags,
    examples: ['gridmoor schema', 'gridmoor schema --check'],
    async run({ out, check, json }, _args, io) {
      return generate(io, resolve(io.cwd, out ?? '.'), schemaFiles(), { check, json });
    },
  }),
);
