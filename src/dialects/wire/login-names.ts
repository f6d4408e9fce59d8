/** The client id of a signed CONNECT: `{C}|k=v,…|`. `C` stands in the signature as it came. */
export interface SignedClientId {
  readonly name: string;
  /** Parameters that signing dialects know; others are left out. */
  readonly parameters: ReadonlyMap<SignedParameter, string>;
}

/** The user name of a signed CONNECT: `{device}&{productKey}`. */
export interface SignedUserName {
  readonly device: string;
  readonly productKey: string;
}

const PARAMETERS = ['securemode', 'signmethod', 'timestamp', 'authType', 'random', 'instanceId', '_ss'] as const;
export type SignedParameter = (typeof PARAMETERS)[number];

const isKnown = (key: string): key is SignedParameter => (PARAMETERS as readonly string[]).includes(key);

/** More than any client sends; what is longer is no client id of these dialects. */
const MAX_ITEMS = 32;

/**
 * Splits at the first `|`, up to the closing one (registration-protocols 1.0): spaces around items, items of unknown names and
 * a trailing comma are let pass; a known name twice is not. Undefined: not of this form.
 */
export function parseSignedClientId(text: string): SignedClientId | undefined {
  const first = text.indexOf('|');
  if (first <= 0 || !text.endsWith('|') || text.length - 1 === first) return undefined;
  const list = text.slice(first + 1, -1);
  const items = list.split(',', MAX_ITEMS + 1);
  if (items.length > MAX_ITEMS || list.includes('|')) return undefined;
  const parameters = new Map<SignedParameter, string>();
  for (const item of items) {
    const at = item.indexOf('=');
    const key = item.slice(0, Math.max(at, 0)).trim();
    if (!isKnown(key)) continue;
    if (parameters.has(key)) return undefined;
    parameters.set(key, item.slice(at + 1).trim());
  }
  return { name: text.slice(0, first), parameters };
}

/** Splits at the last `&`; undefined when a part is missing. */
export function parseSignedUserName(text: string): SignedUserName | undefined {
  const at = text.lastIndexOf('&');
  if (at <= 0 || at === text.length - 1) return undefined;
  return { device: text.slice(0, at), productKey: text.slice(at + 1) };
}

/** Both names of a signed CONNECT. */
export interface SignedNames extends SignedUserName {
  readonly clientId: SignedClientId;
}

/** The names of a CONNECT when they are of the signed form; what they are worth says the product's profile alone. */
export function parseSignedNames(clientId: string, userName: string): SignedNames | undefined {
  const user = parseSignedUserName(userName);
  const client = user && parseSignedClientId(clientId);
  return user && client && { ...user, clientId: client };
}
