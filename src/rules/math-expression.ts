/** A formula ready to run: the values of its variables in the order of their names. */
export type Formula = (values: readonly number[]) => number;

export type FormulaResult =
  | { readonly ok: true; readonly run: Formula }
  | { readonly ok: false; readonly problem: string };

export const MAX_FORMULA = 256;
const MAX_DEPTH = 50;

const one = (fn: (a: number) => number) => ({
  args: 1,
  fn: (values: readonly number[]) => fn(values[0] ?? Number.NaN),
});
const two = (fn: (a: number, b: number) => number) => ({
  args: 2,
  fn: (values: readonly number[]) => fn(values[0] ?? Number.NaN, values[1] ?? Number.NaN),
});

/** What a formula may call. */
export const FUNCTIONS: Readonly<Record<string, { readonly args: number; readonly fn: Formula }>> = {
  abs: one(Math.abs),
  acos: one(Math.acos),
  asin: one(Math.asin),
  atan: one(Math.atan),
  atan2: two(Math.atan2),
  cbrt: one(Math.cbrt),
  ceil: one(Math.ceil),
  cos: one(Math.cos),
  cosh: one(Math.cosh),
  deg: one((radians) => (radians * 180) / Math.PI),
  exp: one(Math.exp),
  expm1: one(Math.expm1),
  floor: one(Math.floor),
  floorDiv: two((a, b) => Math.floor(a / b)),
  floorMod: two((a, b) => a - Math.floor(a / b) * b),
  getExp: one(exponentOf),
  hypot: two(Math.hypot),
  ln: one(Math.log),
  log: one(Math.log),
  log10: one(Math.log10),
  log1p: one(Math.log1p),
  log2: one(Math.log2),
  max: two(Math.max),
  min: two(Math.min),
  pow: two((a, b) => a ** b),
  rad: one((degrees) => (degrees * Math.PI) / 180),
  signum: one(Math.sign),
  sin: one(Math.sin),
  sinh: one(Math.sinh),
  sqrt: one(Math.sqrt),
  tan: one(Math.tan),
  tanh: one(Math.tanh),
};
const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, π: Math.PI, e: Math.E, φ: (1 + Math.sqrt(5)) / 2 };

class FormulaError extends Error {}

/**
 * Reads a formula: numbers, variables, + - * / % ^, parentheses and the functions above. As in mathematics ^ binds before a
 * sign, and from the right.
 */
export function compileFormula(text: string, variables: readonly string[]): FormulaResult {
  if (text.length > MAX_FORMULA) return { ok: false, problem: `the formula is longer than ${MAX_FORMULA} characters` };
  try {
    return { ok: true, run: new Reader(text, variables).formula() };
  } catch (error) {
    if (error instanceof FormulaError) return { ok: false, problem: error.message };
    throw error;
  }
}

const TOKEN = /\s*(?:(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|([-+*/%^(),]))/uy;

class Reader {
  readonly #text: string;
  readonly #variables: readonly string[];
  #at = 0;
  #depth = 0;
  /** The next token: a number, a name, a sign; empty at the end. */
  #token = '';
  #kind: 'number' | 'name' | 'sign' | 'end' = 'end';

  constructor(text: string, variables: readonly string[]) {
    this.#text = text;
    this.#variables = variables;
    this.#next();
  }

  formula(): Formula {
    const run = this.#sum();
    if (this.#kind !== 'end') throw new FormulaError(`cannot read the formula from "${this.#token}" on`);
    return run;
  }

  #next(): void {
    TOKEN.lastIndex = this.#at;
    const match = TOKEN.exec(this.#text);
    if (match === null) {
      if (this.#text.slice(this.#at).trim() !== '') throw new FormulaError(`cannot read the formula at ${this.#at}`);
      this.#kind = 'end';
      this.#token = '';
      return;
    }
    this.#at = TOKEN.lastIndex;
    const [, number, name, sign] = match;
    this.#kind = number !== undefined ? 'number' : name !== undefined ? 'name' : 'sign';
    this.#token = number ?? name ?? sign ?? '';
  }

  #isAt(sign: string): boolean {
    return this.#kind === 'sign' && this.#token === sign;
  }

  #take(sign: string): boolean {
    if (!this.#isAt(sign)) return false;
    this.#next();
    return true;
  }

  #expect(sign: string): void {
    if (!this.#take(sign)) throw new FormulaError(`the formula lacks a "${sign}"`);
  }

  #sum(): Formula {
    if (++this.#depth > MAX_DEPTH) throw new FormulaError(`the formula is nested deeper than ${MAX_DEPTH}`);
    let left = this.#product();
    for (;;) {
      const former = left;
      if (this.#take('+')) {
        const right = this.#product();
        left = (values) => former(values) + right(values);
      } else if (this.#take('-')) {
        const right = this.#product();
        left = (values) => former(values) - right(values);
      } else break;
    }
    this.#depth--;
    return left;
  }

  #product(): Formula {
    let left = this.#signed();
    for (;;) {
      const former = left;
      if (this.#take('*')) {
        const right = this.#signed();
        left = (values) => former(values) * right(values);
      } else if (this.#take('/')) {
        const right = this.#signed();
        left = (values) => former(values) / right(values);
      } else if (this.#take('%')) {
        const right = this.#signed();
        left = (values) => former(values) % right(values);
      } else return left;
    }
  }

  #signed(): Formula {
    let negative = false;
    for (;;) {
      if (this.#take('-')) negative = !negative;
      else if (!this.#take('+')) break;
    }
    const power = this.#power();
    return negative ? (values) => -power(values) : power;
  }

  #power(): Formula {
    const base = this.#atom();
    if (!this.#take('^')) return base;
    if (++this.#depth > MAX_DEPTH) throw new FormulaError(`the formula is nested deeper than ${MAX_DEPTH}`);
    const exponent = this.#signed();
    this.#depth--;
    return (values) => base(values) ** exponent(values);
  }

  #atom(): Formula {
    const token = this.#token;
    if (this.#kind === 'number') {
      const value = Number(token);
      this.#next();
      return () => value;
    }
    if (this.#kind === 'name') {
      this.#next();
      return this.#isAt('(') ? this.#call(token) : this.#name(token);
    }
    if (!this.#take('('))
      throw new FormulaError(token === '' ? 'the formula ends too early' : `"${token}" stands where a value should`);
    const inner = this.#sum();
    this.#expect(')');
    return inner;
  }

  #name(name: string): Formula {
    const index = this.#variables.indexOf(name);
    if (index >= 0) return (values) => values[index] ?? Number.NaN;
    const constant = Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : undefined;
    if (constant === undefined) throw new FormulaError(`there is no variable "${name}"`);
    return () => constant;
  }

  #call(name: string): Formula {
    const called = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (called === undefined) throw new FormulaError(`there is no function "${name}"`);
    this.#expect('(');
    const args = [this.#sum()];
    while (this.#take(',')) args.push(this.#sum());
    this.#expect(')');
    if (args.length !== called.args)
      throw new FormulaError(`${name} takes ${called.args} arguments, not ${args.length}`);
    const { fn } = called;
    return (values) => fn(args.map((arg) => arg(values)));
  }
}

/** Java's Math.getExponent of a finite number. */
function exponentOf(value: number): number {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  return ((bits.getUint16(0) >> 4) & 0x7ff) - 1023;
}
