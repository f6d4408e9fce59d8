import type { JsonObject } from '../../model/json.ts';
import type { Issue } from '../../schema/issue.ts';
import { compileSchema } from '../../schema/validate.ts';
import type { RawConfig } from '../node-kind.ts';

/** A node of an export. Members that are not listed are ThingsBoard's own ids and times: not read. */
export interface TbNode {
  readonly type: string;
  readonly name: string;
  /** Ours: a name that is unique in the file, for nodes whose `name` is not. */
  readonly key?: string;
  readonly configurationVersion?: number | null;
  readonly configuration?: RawConfig | null;
  readonly additionalInfo?: JsonObject | null;
  readonly debugSettings?: JsonObject | null;
  readonly debugMode?: boolean | null;
  readonly singletonMode?: boolean | null;
  readonly queueName?: string | null;
}

export interface TbConnection {
  readonly fromIndex: number;
  readonly toIndex: number;
  readonly type: string;
}

/** A call of another chain as files had it before 3.3.3. */
export interface TbChainConnection {
  readonly fromIndex: number;
  readonly targetRuleChainId: TbId;
  readonly additionalInfo?: JsonObject | null;
  readonly type: string;
}

export type TbId = string | { readonly id: string };

export interface TbRuleChain {
  readonly name: string;
  readonly type?: 'CORE' | 'EDGE' | null;
  readonly root?: boolean | null;
  readonly id?: TbId | null;
  readonly externalId?: TbId | null;
  readonly additionalInfo?: JsonObject | null;
  readonly configuration?: JsonObject | null;
}

export interface TbMetadata {
  readonly ruleChainId?: TbId | null;
  readonly firstNodeIndex?: number | null;
  readonly nodes?: readonly TbNode[] | null;
  readonly connections?: readonly TbConnection[] | null;
  readonly ruleChainConnections?: readonly TbChainConnection[] | null;
  readonly notes?: readonly JsonObject[] | null;
}

/** What to do with nodes that have no counterpart here. Ours: ThingsBoard passes over it. */
export type OnUnsupported = 'fail' | 'pass';

/** One chain of an export, whichever of the four shapes its file has. */
export interface TbChain {
  readonly file: string;
  readonly ruleChain: TbRuleChain;
  readonly metadata: TbMetadata;
  readonly onUnsupported?: OnUnsupported;
  /** JSON pointers of the two parts. */
  readonly at: { readonly ruleChain: string; readonly metadata: string };
}

const nullable = (type: string): Record<string, unknown> => ({ type: [type, 'null'] });
const listOf = (items: object): Record<string, unknown> => ({ type: ['array', 'null'], items });
const index = { type: 'integer', minimum: 0 };
const label = { type: 'string', minLength: 1, maxLength: 255 };
const id = {
  anyOf: [
    { type: 'null' },
    { type: 'string' },
    { type: 'object', required: ['id'], properties: { id: { type: 'string' } } },
  ],
};

const checkRuleChain = compileSchema<TbRuleChain>({
  type: 'object',
  required: ['name'],
  properties: {
    name: label,
    type: { enum: ['CORE', 'EDGE', null] },
    root: nullable('boolean'),
    id,
    externalId: id,
    additionalInfo: nullable('object'),
    configuration: nullable('object'),
  },
});

const checkMetadata = compileSchema<TbMetadata>({
  type: 'object',
  properties: {
    ruleChainId: id,
    firstNodeIndex: { type: ['integer', 'null'], minimum: 0 },
    nodes: listOf({
      type: 'object',
      required: ['type', 'name'],
      properties: {
        type: label,
        name: { type: 'string', maxLength: 255 },
        key: label,
        configurationVersion: { type: ['integer', 'null'], minimum: 0 },
        configuration: nullable('object'),
        additionalInfo: nullable('object'),
        debugSettings: nullable('object'),
        debugMode: nullable('boolean'),
        singletonMode: nullable('boolean'),
        queueName: nullable('string'),
      },
    }),
    connections: listOf({
      type: 'object',
      required: ['fromIndex', 'toIndex', 'type'],
      properties: { fromIndex: index, toIndex: index, type: label },
    }),
    ruleChainConnections: listOf({
      type: 'object',
      required: ['fromIndex', 'targetRuleChainId', 'type'],
      properties: {
        fromIndex: index,
        targetRuleChainId: { type: ['string', 'object'], ...id },
        additionalInfo: nullable('object'),
        type: label,
      },
    }),
    notes: listOf({ type: 'object' }),
  },
});

type Parts = Pick<TbChain, 'at'> & { readonly ruleChain: unknown; readonly metadata: unknown };

/** Any of the four shapes of thingsboard-rule-chains 1.1, told by their keys. */
export function isThingsBoardExport(value: JsonObject): boolean {
  return (
    isObject(value.ruleChain) ||
    Array.isArray(value.ruleChains) ||
    value.entityType === 'RULE_CHAIN' ||
    isObject(value.metaData) ||
    (isObject(value.metadata) && Array.isArray(value.metadata.nodes))
  );
}

/** The chains of an export, their shape checked; chains with a wrong one are left out and reported. */
export function chainsOf(file: string, value: JsonObject): { chains: readonly TbChain[]; issues: readonly Issue[] } {
  const issues: Issue[] = [];
  const report = (finding: Omit<Issue, 'file' | 'level'>): void => {
    issues.push({ file, level: 'error', ...finding });
  };
  const { onUnsupported } = value;
  if (onUnsupported !== undefined && onUnsupported !== 'fail' && onUnsupported !== 'pass') {
    const problem = 'must be "fail" or "pass": what nodes do that have no counterpart here';
    report({ at: '/onUnsupported', rule: 'unknown-word', problem });
    return { chains: [], issues };
  }
  const chains = partsOf(value, report).flatMap(({ at, ruleChain, metadata }): TbChain[] => {
    const chain = checkRuleChain(ruleChain);
    const meta = checkMetadata(metadata);
    for (const [pointer, checked] of [[at.ruleChain, chain] as const, [at.metadata, meta] as const]) {
      if (!checked.ok) for (const each of checked.violations) report({ ...each, at: pointer + each.at });
    }
    if (!chain.ok || !meta.ok) return [];
    const rest = onUnsupported === undefined ? {} : { onUnsupported };
    return [{ file, at, ruleChain: chain.value, metadata: meta.value, ...rest } as TbChain];
  });
  return { chains, issues };
}

function partsOf(value: JsonObject, report: (finding: Omit<Issue, 'file' | 'level'>) => void): Parts[] {
  if (Array.isArray(value.ruleChains)) return bulkParts(value.ruleChains, value.metadata, report);
  const chainKey = value.entity !== undefined && value.ruleChain === undefined ? 'entity' : 'ruleChain';
  const metaKey = value.metaData !== undefined && value.metadata === undefined ? 'metaData' : 'metadata';
  const missing = [chainKey, metaKey].filter((key) => !isObject(value[key]));
  for (const key of missing) report({ at: '', rule: 'missing-field', problem: `"${key}" is missing or no object` });
  if (missing.length > 0) return [];
  const at = { ruleChain: `/${chainKey}`, metadata: `/${metaKey}` };
  return [{ ruleChain: value[chainKey], metadata: value[metaKey], at }];
}

/** The REST export: two lists, matched by the chain's id. */
function bulkParts(
  ruleChains: readonly unknown[],
  metadata: unknown,
  report: (finding: Omit<Issue, 'file' | 'level'>) => void,
): Parts[] {
  if (!Array.isArray(metadata)) {
    report({ at: '/metadata', rule: 'wrong-type', problem: 'must be a list, as "ruleChains" is one' });
    return [];
  }
  return ruleChains.flatMap((ruleChain, position): Parts[] => {
    const wanted = isObject(ruleChain) ? idText(ruleChain.id) : undefined;
    const found = metadata.findIndex((each) => isObject(each) && idText(each.ruleChainId) === wanted);
    const at = `/ruleChains/${position}`;
    if (wanted === undefined || found < 0) {
      const problem = 'has no entry in "metadata" with its id as "ruleChainId"';
      report({ at, rule: 'missing-field', problem });
      return [];
    }
    return [{ ruleChain, metadata: metadata[found], at: { ruleChain: at, metadata: `/metadata/${found}` } }];
  });
}

/** An entity id, bare or with its type. */
export function idText(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return isObject(value) && typeof value.id === 'string' && value.id !== '' ? value.id : undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
