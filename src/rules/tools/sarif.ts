import type { Issue } from '../../schema/issue.ts';
import { LINT_RULES } from '../lint.ts';
import { placeOf } from './json-place.ts';

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

export interface SarifOptions {
  readonly version: string;
  /** Path of a file as the report names it: relative to the root of the checkout. */
  readonly nameOf: (file: string) => string;
  /** Text of a file, for lines and columns; undefined when it cannot be read. */
  readonly textOf: (file: string) => string | undefined;
}

/** Findings of lint in SARIF 2.1.0, for code scanning in pull requests. */
export function toSarif(issues: readonly Issue[], options: SarifOptions): object {
  const rules = [...new Set(issues.map((issue) => issue.rule))].sort();
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'gridmoor chain lint',
            semanticVersion: options.version,
            rules: rules.map((id) => ({ id, shortDescription: { text: ruleText(id) } })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: issues.map((issue) => resultOf(issue, rules, options)),
      },
    ],
  };
}

function resultOf(issue: Issue, rules: readonly string[], { nameOf, textOf }: SarifOptions): object {
  const { line, column } = placeOf(textOf(issue.file) ?? '', issue.at);
  return {
    ruleId: issue.rule,
    ruleIndex: rules.indexOf(issue.rule),
    level: issue.level,
    message: { text: issue.hint ? `${issue.problem} (${issue.hint})` : issue.problem },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: uriOf(nameOf(issue.file)) },
          region: { startLine: line, startColumn: column },
        },
        ...(issue.at === '' ? {} : { logicalLocations: [{ fullyQualifiedName: issue.at }] }),
      },
    ],
  };
}

const uriOf = (path: string): string => path.split(/[\\/]/).map(encodeURIComponent).join('/');

function ruleText(id: string): string {
  return Object.hasOwn(LINT_RULES, id) ? LINT_RULES[id as keyof typeof LINT_RULES] : id;
}
