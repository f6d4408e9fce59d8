import type { Setting } from './setting.ts';
import { CONFIG_TREE, LEAVES } from './settings.ts';

/** JSON Schema of `gridmoor.json`, for editors and for the check at the start. */
export function configSchema(): Record<string, unknown> {
  const sections = Object.entries(CONFIG_TREE).map(([name, settings]) => [name, sectionSchema(settings)] as const);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'gridmoor configuration',
    type: 'object',
    additionalProperties: false,
    properties: { $schema: { type: 'string' }, ...Object.fromEntries(sections) },
  };
}

function sectionSchema(settings: Readonly<Record<string, Setting<unknown>>>): Record<string, unknown> {
  const properties: Record<string, unknown> = {};
  for (const [key, { field, special }] of Object.entries(settings)) {
    properties[key] = field.schema;
    if (special === 'secret') {
      properties[`${key}File`] = { description: `File that holds ${key}.`, type: 'string', minLength: 1 };
    }
  }
  return { type: 'object', additionalProperties: false, properties };
}

/** The tables of `docs/config.md`. */
export function configDocs(): string {
  const parts = [
    '# Configuration',
    '',
    'Flags win over environment variables, these over `gridmoor.json`, this over the defaults.',
    'An empty environment variable counts as absent. A secret can be read from a file: `NAME_FILE`, or `…File` in `gridmoor.json`;',
    'there is no flag for a secret itself. Relative paths start at the working directory, in `gridmoor.json` at its own folder.',
    'Another configuration file is named with `--config` (`-c`) or `GRIDMOOR_CONFIG`.',
  ];
  for (const section of Object.keys(CONFIG_TREE)) {
    parts.push('', `## ${section}`, '', '| key | environment | flag | default | meaning |', '|---|---|---|---|---|');
    for (const leaf of LEAVES.filter((candidate) => candidate.section === section)) {
      const secret = leaf.special === 'secret';
      const env = secret ? `\`${leaf.env}\`, \`${leaf.env}_FILE\`` : `\`${leaf.env}\``;
      const flag = `\`--${leaf.flag}${secret ? '-file' : ''}\``;
      const meaning = String(leaf.field.schema.description).replaceAll('|', '\\|');
      const words = leaf.field.schema.enum as readonly string[] | undefined;
      const more = words ? ` One of ${words.map((word) => `\`${word}\``).join(', ')}.` : '';
      parts.push(`| \`${leaf.key}\` | ${env} | ${flag} | ${defaultText(leaf)} | ${meaning}${more} |`);
    }
  }
  return `${parts.join('\n')}\n`;
}

function defaultText(leaf: Setting<unknown>): string {
  if (leaf.defaultText) return leaf.defaultText;
  const value = leaf.field.schema.default;
  return value === undefined ? '' : value === '' ? '(empty)' : `\`${String(value)}\``;
}
