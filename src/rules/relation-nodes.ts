import { ATTACHMENT_RELATIONS } from '../model/attachment.ts';
import type { EntityId, Relation } from '../model/entity.ts';
import type { Direction } from './entity-context.ts';
import type { NodeLintIssue, RawConfig } from './node-kind.ts';

/** Relations of one type that a node looks at. */
export const MAX_PEERS = 1_000;

/** A relation of the originator: FROM leads away from it, TO leads to it. */
export const relationOf = (originator: EntityId, direction: Direction, type: string, peer: EntityId): Relation =>
  direction === 'FROM' ? { from: originator, type, to: peer } : { from: peer, type, to: originator };

/** Attachments alone write their relations. */
export function* lintRelationType(type: string): Generator<NodeLintIssue> {
  if (!ATTACHMENT_RELATIONS.has(type)) return;
  const hint = 'attach with onboard/attach, or give the relation another type';
  yield { at: '/relationType', problem: `relations of the type ${type} belong to attachments`, hint };
}

/** ThingsBoard's configuration without its version and what it leaves open with null. */
export const nonNull = ({ version: _, ...configuration }: RawConfig): RawConfig =>
  Object.fromEntries(Object.entries(configuration).filter(([, value]) => value !== null));
