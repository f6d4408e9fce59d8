/** A device or an asset as a node of an asset tree: `DEVICE:<id>`, `ASSET:<id>`. */
export type NodeRef = `${'DEVICE' | 'ASSET'}:${string}`;

/** A node of a tree with all that stands below it, now and later. */
export interface Subtree {
  readonly tree: string;
  readonly root: NodeRef;
}

/** `<tree>/<node>`, as people write it: names of trees have no slash. */
export const formatSubtree = ({ tree, root }: Subtree): string => `${tree}/${root}`;
