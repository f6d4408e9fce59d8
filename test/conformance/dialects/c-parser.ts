/**
 * How the C client of Alibaba reads the answer of its registration: no JSON parser, but a walk from quote to quote, in a buffer of
 * 256 bytes (registration-protocols 1.7). The value behind a key is read by what is searched for, wherever it stands.
 */
export function readAsCClient(body: string): { readonly code: string; readonly deviceSecret: string } | undefined {
  if (Buffer.byteLength(body) > 255) return undefined;
  const code = find(body, 'code');
  const data = find(body, 'data');
  const deviceSecret = data === undefined ? undefined : find(body.slice(data.start + 1), 'deviceSecret');
  return code && deviceSecret ? { code: code.text, deviceSecret: deviceSecret.text } : undefined;
}

interface Found {
  readonly text: string;
  readonly start: number;
  /** Where the walk goes on. */
  readonly next: number;
}

function find(body: string, wanted: string): Found | undefined {
  for (let at = 0; at < body.length; at++) {
    if (body[at] !== '"') continue;
    const close = body.indexOf('"', at + 1);
    // Any space between key, colon and value ends it.
    if (close < 0 || body[close + 1] !== ':') return undefined;
    const value = readers[wanted as keyof typeof readers]?.(body, close + 2) ?? readText(body, close + 2, wanted);
    if (value && body.startsWith(wanted, at + 1)) return value;
    at = value?.next ?? close + 2;
  }
  return undefined;
}

const readers = {
  code(body: string, start: number): Found {
    const text = /^[0-9]*/.exec(body.slice(start))?.[0] ?? '';
    return { text, start, next: start + text.length - 1 };
  },
  data(body: string, start: number): Found | undefined {
    if (body[start] !== '{') return undefined;
    let depth = 0;
    for (let at = start; at < body.length; at++) {
      if (body[at] === '{') depth++;
      if (body[at] === '}') depth--;
      if (depth === 0) return { text: body.slice(start, at + 1), start, next: at };
    }
    return undefined;
  },
};

function readText(body: string, start: number, wanted: string): Found | undefined {
  if (wanted in readers || body[start] !== '"') return undefined;
  const close = body.indexOf('"', start + 1);
  return close < 0 ? undefined : { text: body.slice(start + 1, close), start: start + 1, next: close };
}
