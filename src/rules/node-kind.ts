import type { JsonValue } from '../model/json.ts';
import { type DeviceOriginator, isMsgData, type Msg, type MsgData } from '../model/msg.ts';
import type { Secret } from '../model/secret.ts';
import { type Config, type Fields, jsonSchemaOf } from '../schema/fields.ts';
import type { SecretRef } from '../schema/secret-ref.ts';
import type { NodeContext } from './node-context.ts';
import type { SourceTimes } from './sources.ts';
import type { AlarmWorld, EntityWorld } from './test-world.ts';

/** Where a message goes next: the labels it leaves by, and the message it leaves as. */
export interface NodeResult {
  readonly relation: string | readonly string[];
  readonly msg: Msg;
  /** Further messages that leave by the same relation, each with an id of its own. */
  readonly more?: readonly Msg[];
  /** Messages that leave by relations of their own, behind this one, each with an id of its own. */
  readonly also?: readonly { readonly relation: string; readonly msg: Msg }[];
  /** What else the engine does with the message; only kinds under `flow/` ask for it. */
  readonly flow?: Flow;
}

/** `call`: goes into another chain. `return`: leaves the node that called this chain. `ack`: is acknowledged, and goes on. */
export type Flow =
  | { readonly step: 'call'; readonly chain: string }
  | { readonly step: 'return'; readonly label: string }
  | { readonly step: 'ack' };

/**
 * Thrown by a node to fail a message with a reason for the engineer; the message then leaves by `Failure`, as `msg` when the
 * node has changed it already.
 */
export class NodeFailure extends Error {
  override readonly name = 'NodeFailure';
  readonly msg: Msg | undefined;

  constructor(reason: string, msg?: Msg) {
    super(reason);
    this.msg = msg;
  }
}

/** The body's members. @throws NodeFailure when a node before made an array or a scalar of it. */
export function dataObject({ data }: Msg): MsgData {
  if (isMsgData(data)) return data;
  throw new NodeFailure(`the body is ${Array.isArray(data) ? 'an array' : 'a plain value'}, not an object`);
}

/** The device whose event this is. @throws NodeFailure when a node before changed the originator to something else. */
export function deviceOf({ originator }: Msg): DeviceOriginator {
  if (originator.entityType === 'DEVICE') return originator;
  throw new NodeFailure(`the originator is of type ${originator.entityType}, not a device`);
}

/** One running node. A node without I/O returns its result directly: the engine then spends no promise on it. */
export interface RunningNode {
  onMsg(msg: Msg, context: NodeContext): NodeResult | Promise<NodeResult>;
  /** Sources only: when they make messages. Who runs the chains then gives them a message of type SOURCE_TICK. */
  readonly source?: SourceTimes;
  /** Lets go of connections and timers. Called once, when no message can reach the node any more. */
  close?(): Promise<void>;
}

/** What a node may read while it is created, at load: never at run time. */
export interface NodeLoader {
  /** Where the node stands: for audit lines and logs. */
  readonly chain: string;
  readonly node: string;
  /** JSON of a file below `rule-chains/` (`lookups/distributors.json`); throws a readable error. */
  readJson(path: string): unknown;
  /** Notes what is not wrong but hardly meant, such as a table that gives two answers; lint shows it. */
  warn?(problem: string): void;
  /** The secret that a config names; throws a readable error. Offline, where no environment is, a text stands for it. */
  secret(ref: SecretRef): Secret;
  /** What nodes of `external/` may reach besides public addresses: host names, addresses, networks as `10.0.0.0/8`. */
  readonly allowedHosts: readonly string[];
}

export interface NodeLintIssue {
  /** JSON pointer inside the node's config. */
  readonly at: string;
  readonly problem: string;
  readonly hint?: string;
  readonly level?: 'error' | 'warning';
  /** Instead of `bad-config`. */
  readonly rule?: 'not-supported';
}

/** Entities, suppliers with their keys in clear, and devices that are attached already. Only for examples and offline tests. */
export interface ExampleWorld extends EntityWorld, AlarmWorld {
  readonly suppliers?: readonly { readonly name: string; readonly keys: readonly string[] }[];
  readonly attachments?: readonly {
    readonly device: string;
    readonly supplier: string;
    readonly supplyPoint: string;
    readonly grid?: string;
  }[];
  /** What devices answer to calls of a chain, by method; a call without an entry fails with NO_ACTIVE_CONNECTION. */
  readonly rpc?: readonly {
    readonly device: string;
    readonly method: string;
    readonly response?: JsonValue;
    readonly error?: string;
  }[];
  /** Devices whose supplier look-ups are refused for too many wrong keys. */
  readonly rateLimited?: readonly string[];
  /** Other chains, by name, and the label by which each gives the message back. */
  readonly chains?: Readonly<Record<string, string>>;
}

/** A worked example: documentation, and a test that the catalogue's suite runs. */
export interface NodeExample {
  readonly title: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What exists before the message comes, beside its originator. */
  readonly given?: ExampleWorld;
  readonly msg: {
    /** Whose it is, as tests name entities: `ASSET B1`; a device by default. */
    readonly from?: string;
    readonly type?: string;
    readonly data: Readonly<Record<string, unknown>> | readonly unknown[];
    readonly metadata?: Readonly<Record<string, string>>;
  };
  /** Label the message leaves by. */
  readonly goesTo: string;
  /** Members that the data must then have. */
  readonly data?: Readonly<Record<string, unknown>> | readonly unknown[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A config as it stands in a file: JSON, not checked yet. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** What a node's ThingsBoard form may ask while a chain is read or written. */
export interface ThingsBoardNode {
  /** The node's name in the chain; of an output node it is the label. */
  readonly name: string;
  /** The chain's name behind a ThingsBoard chain id and the other way round; undefined when it is unknown. */
  chainName(id: string): string | undefined;
  chainId(name: string): string | undefined;
}

/**
 * How a kind stands in ThingsBoard's exports (thingsboard-rule-chains 1.4, 1.6, 2). What cannot be carried over is thrown as
 * NodeFailure that names the property: nothing is ever replaced by a default.
 */
export interface ThingsBoardForm {
  /** Class name, `org.thingsboard.rule.engine.…`. */
  readonly type: string;
  /** `configurationVersion` that `read` and `write` speak. */
  readonly version: number;
  /** Step n turns a configuration of version n into one of n + 1. As many as `version`. */
  readonly upgrades?: readonly ((configuration: RawConfig) => RawConfig)[];
  /** ThingsBoard's configuration -> ours. Without it the two are the same but for `version`. */
  read?(configuration: RawConfig, node: ThingsBoardNode): RawConfig;
  /** The other way. Throws NodeFailure for a config that ThingsBoard has no form for. */
  write?(config: RawConfig, node: ThingsBoardNode): RawConfig;
}

/** A node kind with its config type erased, as the engine sees it. */
export interface NodeKind {
  /** Its path under `nodes/`, and the word in chain files. */
  readonly kind: string;
  /** Its form in ThingsBoard's exports, when it has one. */
  readonly thingsboard?: ThingsBoardForm;
  readonly version: number;
  readonly summary: string;
  readonly since: string;
  /** It talks to something outside: chain tests give its answers (`given.mocks`). */
  readonly outside?: boolean;
  /** It makes messages and takes none: no edge leads to it, and it is reached all the same. */
  readonly source?: boolean;
  readonly fields: Fields;
  /** JSON schema of the config. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** `Failure` is the engine's and not listed; `*` = any label (switches); none = the message ends here, no edge leaves. */
  readonly relations: readonly string[];
  readonly examples: readonly [NodeExample, ...NodeExample[]];
  lint(config: unknown): Iterable<NodeLintIssue>;
  /** Data keys whose values are secrets from the first moment on: wrapped before any node sees the message. */
  secretKeys(config: unknown): readonly string[];
  /** Name of the chain that messages go into here. */
  calls?(config: unknown): string;
  /** Label by which messages leave the node that called this chain. */
  returns?(config: unknown): string;
  create(config: unknown, loader: NodeLoader): RunningNode;
}

export interface NodeDeclaration<F extends Fields, R extends readonly string[], K extends string> {
  readonly kind: K;
  readonly thingsboard?: ThingsBoardForm;
  readonly version: number;
  readonly summary: string;
  readonly since: string;
  readonly outside?: boolean;
  readonly source?: boolean;
  readonly fields: F;
  readonly relations: R;
  readonly examples: readonly [NodeExample, ...NodeExample[]];
  lint?(config: Config<F>): Iterable<NodeLintIssue>;
  secretKeys?(config: Config<F>): readonly string[];
  calls?(config: Config<F>): string;
  returns?(config: Config<F>): string;
  create(
    config: Config<F>,
    loader: NodeLoader,
  ): {
    onMsg(msg: Msg, context: NodeContext): TypedResult<R> | Promise<TypedResult<R>>;
    readonly source?: SourceTimes;
    close?(): Promise<void>;
  };
}

type Label<R extends readonly string[]> = '*' extends R[number] ? string : R[number] | 'Failure';
interface TypedResult<R extends readonly string[]> {
  readonly relation: Label<R> | readonly Label<R>[];
  readonly msg: Msg;
  readonly more?: readonly Msg[];
  readonly also?: readonly { readonly relation: Label<R>; readonly msg: Msg }[];
  readonly flow?: Flow;
}

/**
 * Declares a node kind. The config reaches `lint`, `secretKeys` and `create` only after the JSON schema of `fields` has
 * accepted it and filled in the defaults: that check is what the erasure below stands on.
 */
export function defineNode<const F extends Fields, const R extends readonly string[], const K extends string>(
  declaration: NodeDeclaration<F, R, K>,
): NodeKind & { readonly kind: K } {
  const { lint, secretKeys, calls, returns, create, ...rest } = declaration;
  return {
    ...rest,
    schema: jsonSchemaOf(declaration.fields),
    lint: (config) => lint?.(config as Config<F>) ?? [],
    secretKeys: (config) => secretKeys?.(config as Config<F>) ?? [],
    ...(calls ? { calls: (config: unknown) => calls(config as Config<F>) } : {}),
    ...(returns ? { returns: (config: unknown) => returns(config as Config<F>) } : {}),
    create: (config, loader) => create(config as Config<F>, loader),
  };
}
