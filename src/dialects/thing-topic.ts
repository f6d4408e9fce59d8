/** A topic of a signing dialect, whichever of its forms it has. */
export interface ThingTopic {
  readonly productKey: string;
  readonly deviceKey: string;
  /** What it is about: `thing/measurepoint/post`, `combine/login`, `ota/device/inform`, `ext/ntp/request`. */
  readonly path: string;
}

const MAX_TOPIC = 512;

/** Undefined: none of the forms of registration-protocols 2. */
export function readThingTopic(topic: string): ThingTopic | undefined {
  if (topic.length > MAX_TOPIC || !topic.startsWith('/')) return undefined;
  const [, root = '', a = '', b = '', c = '', ...rest] = topic.split('/');
  switch (root) {
    case 'sys':
      return named(a, b, [c, ...rest].join('/'));
    case 'shadow':
      return rest.length === 0 ? named(b, c, `shadow/${a}`) : undefined;
    case 'ota':
      return rest.length === 1 ? named(c, rest[0] ?? '', `ota/${a}/${b}`) : undefined;
    case 'ext':
      if (a === 'session') return named(b, c, rest.join('/'));
      if (a === 'rrpc') return rrpcTopic(b, [c, ...rest]);
      return named(b, c, ['ext', a, ...rest].join('/'));
    default:
      return undefined;
  }
}

/** `/ext/rrpc/{id}/{topic}`: the topic is one of the device's own, below `/sys` or not. */
function rrpcTopic(id: string, [root = '', ...rest]: readonly string[]): ThingTopic | undefined {
  const [productKey = '', deviceKey = '', ...path] = root === 'sys' ? rest : [root, ...rest];
  return path.length === 0 ? undefined : named(productKey, deviceKey, ['ext/rrpc', id, ...path].join('/'));
}

function named(productKey: string, deviceKey: string, path: string): ThingTopic | undefined {
  return productKey === '' || deviceKey === '' || path === '' ? undefined : { productKey, deviceKey, path };
}
