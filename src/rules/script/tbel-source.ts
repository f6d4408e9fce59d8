export type TbelSource =
  | { readonly ok: true; readonly text: string; readonly offsetOf: (offset: number) => number }
  | { readonly ok: false; readonly offset: number; readonly problem: string; readonly hint: string };

/** Comments, texts, numbers with their suffix, words, TBEL's own signs, and any other character. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"|(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)[LlDdFf]?|[A-Za-z_$][\w$]*|\.\?|~=|\?\.|[^\s]/g;
const WORD = /^[A-Za-z_$]/;
const SUFFIXED = /^(?:0[xX][0-9a-fA-F]+[Ll]|\d[^xX]*[LlDdFf])$/;
const BEHIND_OPERAND = /[\w$)\]'"]$/;
const KEYWORD = /^(?:return|case|else|do|in|of|typeof|new|and|or)$/;

/** Operators of TBEL that JavaScript has not -> what to write instead. */
const OPERATORS: Readonly<Record<string, string>> = {
  contains: 'write list.contains(x) or text.contains(x)',
  is: 'write isMap(x), isList(x) or x != null',
  instanceof: 'write isMap(x), isList(x) or x != null',
  soundslike: 'compare with ==',
  strsim: 'compare with ==',
  convertable_to: 'write x != null and parse it',
};

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * TBEL's own spellings as JavaScript's: foreach, and, or, nil, .? and number suffixes. Words in texts and comments stay;
 * `offsetOf` leads back to the original.
 */
export function readTbel(source: string): TbelSource {
  const tokens = [...source.matchAll(TOKEN)]
    .map((match) => ({ text: match[0], at: match.index }))
    .filter(({ text }) => !text.startsWith('//') && !text.startsWith('/*'));
  const edits: Edit[] = [];
  for (const [index, { text, at }] of tokens.entries()) {
    const before = tokens[index - 1]?.text ?? '';
    const after = tokens[index + 1]?.text ?? '';
    const end = at + text.length;
    if (text === '~=') return refused(at, '~=', 'write indexOf, startsWith or contains');
    if (text === '.?') edits.push({ start: at, end, text: '?.' });
    if (SUFFIXED.test(text)) edits.push({ start: end - 1, end, text: '' });
    if (!WORD.test(text) || before === '.' || before === '.?') continue;
    if (after === ':' && (before === '{' || before === ',')) continue;
    if (text === 'and') edits.push({ start: at, end, text: '&&' });
    else if (text === 'or') edits.push({ start: at, end, text: '||' });
    else if (text === 'nil') edits.push({ start: at, end, text: 'null' });
    else if (text === 'until' && after === '(') return refused(at, text, 'write while (!(…))');
    else if (text === 'foreach') edits.push({ start: at, end, text: 'for' });
    else if (Object.hasOwn(OPERATORS, text) && BEHIND_OPERAND.test(before) && !KEYWORD.test(before)) {
      return refused(at, text, OPERATORS[text] ?? '');
    }
    if (text === 'foreach' || text === 'for') edits.push(...colonOf(tokens.slice(index + 1, index + 5)));
  }
  edits.sort((a, b) => a.start - b.start);
  return { ok: true, text: applied(source, edits), offsetOf: (offset) => original(edits, offset) };
}

const refused = (offset: number, what: string, hint: string): TbelSource => ({
  ok: false,
  offset,
  problem: `"${what}" is not in the language`,
  hint,
});

/** The colon of `(item : list)` or `(var item : list)`. */
function colonOf(head: readonly { readonly text: string; readonly at: number }[]): Edit[] {
  const [open, first, second, third] = head;
  if (open?.text !== '(') return [];
  const colon = first?.text === 'var' ? third : second;
  return colon?.text === ':' ? [{ start: colon.at, end: colon.at + 1, text: ' of ' }] : [];
}

function applied(source: string, edits: readonly Edit[]): string {
  let text = '';
  let from = 0;
  for (const edit of edits) {
    text += source.slice(from, edit.start) + edit.text;
    from = edit.end;
  }
  return text + source.slice(from);
}

function original(edits: readonly Edit[], offset: number): number {
  let shift = 0;
  for (const { start, end, text } of edits) {
    if (start + shift >= offset) break;
    const inside = offset < start + shift + text.length;
    if (inside) return start;
    shift += text.length - (end - start);
  }
  return offset - shift;
}
