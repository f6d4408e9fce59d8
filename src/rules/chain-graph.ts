import type { JsonObject } from '../model/json.ts';

/** A chain as its file says it: named nodes, edges by name; kinds and configs are not checked yet. */
export interface ChainGraph {
  readonly file: string;
  /** Which form the file has; the graph is the same. */
  readonly format: 'native' | 'thingsboard';
  readonly name: string;
  readonly root: boolean;
  /** Null: messages are accepted and end, no node sees them. */
  readonly first: string | null;
  readonly description?: string;
  /** In file order. */
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** JSON pointers in the file, for findings about the chain as a whole. */
  readonly at: { readonly name: string; readonly root: string; readonly first: string };
  /** Notes on ThingsBoard's canvas. */
  readonly notes?: readonly JsonObject[];
  readonly thingsboard?: ChainExtras;
}

export interface GraphNode {
  readonly name: string;
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly description?: string;
  readonly retry?: RetryOption;
  /** Times a message may visit the node; a cycle through it is allowed then. */
  readonly maxVisits?: number;
  /** Where editors with a canvas draw the node. */
  readonly layout?: NodeLayout;
  readonly thingsboard?: NodeExtras;
  /** JSON pointer of the node in its file. */
  readonly at: string;
  readonly edges: readonly GraphEdge[];
  /** Labels by which messages leave and end on purpose. */
  readonly ends?: readonly string[];
}

/** How a node that fails is tried again. */
export interface RetryOption {
  /** Tries in all, the first one too. */
  readonly attempts: number;
  /** Pause before the second try; twice as long before each further one. */
  readonly backoffMs: number;
}

export interface NodeLayout {
  readonly x: number;
  readonly y: number;
}

export interface GraphEdge {
  readonly label: string;
  readonly to: string;
  /** JSON pointer of the edge in its file. */
  readonly at: string;
}

/** What of a chain only ThingsBoard reads: kept so that an export has it again. */
export interface ChainExtras {
  readonly id?: string;
  readonly additionalInfo?: JsonObject;
  readonly configuration?: JsonObject;
  /** Ids that this chain's nodes knew other chains by, by name. */
  readonly chainIds?: Readonly<Record<string, string>>;
}

/** The same of a node. */
export interface NodeExtras {
  /** When it is not the node's name here: ThingsBoard lets names repeat. */
  readonly name?: string;
  readonly debugSettings?: JsonObject;
  readonly singletonMode?: boolean;
  readonly queueName?: string;
  readonly additionalInfo?: JsonObject;
}
