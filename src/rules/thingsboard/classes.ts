import type { NodeKind, ThingsBoardForm } from '../node-kind.ts';

/** Nodes whose names mean something, or that older files had in another form. */
export const INPUT_CLASS = 'org.thingsboard.rule.engine.flow.TbRuleChainInputNode';
export const OUTPUT_CLASS = 'org.thingsboard.rule.engine.flow.TbRuleChainOutputNode';

/** The kind that keeps a node of an unknown class. */
export const UNSUPPORTED_KIND = 'flow/unsupported';

export interface SupportedClass {
  readonly kind: NodeKind;
  readonly form: ThingsBoardForm;
}

/** Kinds by ThingsBoard's class name. */
export function classesOf(kinds: Iterable<NodeKind>): ReadonlyMap<string, SupportedClass> {
  const classes = new Map<string, SupportedClass>();
  for (const kind of kinds) if (kind.thingsboard) classes.set(kind.thingsboard.type, { kind, form: kind.thingsboard });
  return classes;
}
