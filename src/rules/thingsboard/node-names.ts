/**
 * A unique name for each node, in order: its key when it has one, else its own name, else its class; a name that is taken
 * gets ` 2`, ` 3` and so on. ThingsBoard lets names repeat, edges here name nodes.
 */
export function uniqueNames(
  nodes: readonly { readonly name: string; readonly key?: string; readonly type: string }[],
): string[] {
  const wanted = nodes.map(({ name, key, type }) => key ?? (name.trim() === '' ? simpleName(type) : name));
  // Names as they are come first: a node that is really called "log 2" keeps its name.
  const taken = new Set(wanted);
  const numbers = new Map<string, number>();
  return wanted.map((name) => {
    let number = numbers.get(name) ?? 1;
    let unique = name;
    while (number > 1 && taken.has(unique)) {
      unique = `${name.slice(0, 255 - 1 - String(number).length)} ${number}`;
      if (taken.has(unique)) number++;
    }
    numbers.set(name, number + 1);
    taken.add(unique);
    return unique;
  });
}

/** `TbLogNode` of `org.thingsboard.rule.engine.action.TbLogNode`. */
function simpleName(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1) || 'node';
}
