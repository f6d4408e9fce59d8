/** Seeded random programs in the part of JavaScript that chain scripts share with the real one. */
export function generateProgram(seed: number): string {
  return new Generator(seed).program();
}

/** mulberry32: small, fast, the same everywhere. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const ARITHMETIC = ['+', '-', '*', '/', '%', '**', '&', '|', '^', '<<', '>>', '>>>'];
const COMPARISON = ['<', '>', '<=', '>=', '==', '!=', '===', '!=='];
const TEXT_TO_TEXT = [
  'trim()',
  'toUpperCase()',
  'toLowerCase()',
  'trimStart()',
  'trimEnd()',
  'toString()',
  'valueOf()',
];
const MATH_ONE = ['abs', 'ceil', 'floor', 'round', 'trunc', 'sign', 'sqrt', 'cbrt', 'log2'];
const DATE_PARTS = ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'];

class Generator {
  readonly #random: () => number;
  #names = 0;
  #depth = 0;
  #loops = 0;
  /** Variables in sight that any value may be in. */
  #variables = ['msg', 'metadata', 'msgType'];
  #functions: { readonly name: string; readonly count: number }[] = [];

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  program(): string {
    const lines = this.#times(2 + this.#int(8), () => this.#statement());
    const shown = this.#variables.filter((name) => name !== 'msg').slice(-6);
    return `${lines.join('\n')}\nreturn [${['msg', ...shown].join(', ')}];`;
  }

  #int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#int(items.length)] as T;
  }

  #chance(part: number): boolean {
    return this.#random() < part;
  }

  #times<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }

  #name(prefix = 'v'): string {
    return `${prefix}${this.#names++}`;
  }

  /** What is declared inside is out of sight afterwards. */
  #block(count = 1 + this.#int(3)): string {
    const before = [this.#variables, this.#functions] as const;
    this.#variables = [...this.#variables];
    this.#functions = [...this.#functions];
    this.#depth++;
    const lines = this.#times(count, () => this.#statement());
    this.#depth--;
    [this.#variables, this.#functions] = before;
    return `{ ${lines.join(' ')} }`;
  }

  #statement(): string {
    const simple = [() => this.#declare(), () => this.#assign(), () => this.#declare(), () => this.#mutate()];
    if (this.#depth >= 3) return this.#pick(simple)();
    return this.#pick([
      ...simple,
      () => `if (${this.#any()}) ${this.#block()}${this.#chance(0.5) ? ` else ${this.#block()}` : ''}`,
      () => this.#loop(),
      () => this.#loop(),
      () => this.#switch(),
      () => this.#function(),
      () => this.#try(),
      () => this.#destructure(),
    ])();
  }

  #declare(): string {
    const name = this.#name();
    const line = `${this.#pick(['var', 'let', 'const'])} ${name} = ${this.#any()};`;
    // A const must not be assigned: it is read through a copy.
    if (line.startsWith('const')) {
      const copy = this.#name();
      this.#variables.push(copy);
      return `${line} let ${copy} = ${name};`;
    }
    this.#variables.push(name);
    return line;
  }

  #assignable(): string | undefined {
    const own = this.#variables.filter((name) => name.startsWith('v'));
    return own.length === 0 ? undefined : this.#pick(own);
  }

  #assign(): string {
    const name = this.#assignable();
    if (name === undefined) return this.#declare();
    if (this.#chance(0.2)) return `${name}${this.#pick(['++', '--'])};`;
    return `${name} ${this.#pick(['=', '+=', '-=', '*=', '|=', '&='])} ${this.#any()};`;
  }

  #mutate(): string {
    const object = this.#name();
    const key = this.#key();
    const text = this.#pick([
      () => `let ${object} = ${this.#object()}; ${object}.${key} = ${this.#any()}; delete ${object}.${this.#key()};`,
      () => `let ${object} = ${this.#object()}; ${object}[${this.#text()}] = ${this.#any()};`,
      () => `let ${object} = ${this.#list()}; ${object}.push(${this.#any()}); ${object}[1] = ${this.#number()};`,
      () => `let ${object} = ${this.#list()}; ${object}.${this.#pick(['pop', 'shift', 'reverse', 'sort'])}();`,
      () => `let ${object} = ${this.#list()}; ${object}.splice(${this.#small()}, ${this.#small()}, ${this.#any()});`,
      () =>
        `let ${object} = ${this.#list()}; ${object}.unshift(${this.#number()}); ${object}.fill(${this.#any()}, 1, 3);`,
      () =>
        `let ${object} = {n: ${this.#number()}}; ${object}.n ${this.#pick(['+=', '-=', '*='])} ${this.#any()}; ${object}.n++;`,
    ])();
    this.#variables.push(object);
    return text;
  }

  #loop(): string {
    if (this.#loops >= 2) return this.#assign();
    this.#loops++;
    const name = this.#name('i');
    this.#variables.push(name);
    const jump = this.#chance(0.3) ? `if (${this.#any()}) ${this.#pick(['break', 'continue'])};` : '';
    const body = `{ ${jump} ${this.#block(1 + this.#int(2))} }`;
    const text = this.#pick([
      () => `for (var ${name} = 0; ${name} < ${1 + this.#int(4)}; ${name}++) ${body}`,
      () => `for (var ${name} of ${this.#list()}) ${body}`,
      () => `for (var ${name} of ${this.#text()}) ${body}`,
      () => `for (var ${name} in ${this.#object()}) ${body}`,
      () => `var ${name} = 0; while (${name} < 3) { ${name}++; ${body} }`,
      () => `var ${name} = 0; do { ${name} += 1; ${body} } while (${name} < 2);`,
      () => this.#closures(name),
    ])();
    this.#loops--;
    return text;
  }

  /** Functions that keep the variable of their turn. */
  #closures(name: string): string {
    const made = this.#name('f');
    return `let ${made} = []; for (let ${name}x = 0; ${name}x < 3; ${name}x++) { const q = ${name}x * 2; ${made}.push(() => ${name}x + q); } var ${name} = ${made}.map(g => g());`;
  }

  /** What one case declares is out of sight in the next: it may never have been reached. */
  #switch(): string {
    const cases = this.#times(1 + this.#int(3), () => {
      const test = this.#any();
      return `case ${test}: ${this.#block(1)} ${this.#chance(0.7) ? 'break;' : ''}`;
    });
    const last = this.#chance(0.5) ? ` default: ${this.#block()}` : '';
    return `switch (${this.#any()}) { ${cases.join(' ')}${last} }`;
  }

  #function(): string {
    const name = this.#name('f');
    const count = this.#int(3);
    const params = this.#times(count, () => this.#name('p'));
    const before = [this.#variables, this.#functions] as const;
    this.#variables = [...this.#variables, ...params];
    this.#functions = [];
    this.#depth++;
    const body = `${this.#statement()} return ${this.#any()};`;
    this.#depth--;
    [this.#variables, this.#functions] = before;
    this.#functions.push({ name, count });
    if (this.#chance(0.5)) return `function ${name}(${params.join(', ')}) { ${body} }`;
    return `var ${name} = (${params.map((param) => (this.#chance(0.3) ? `${param} = 1` : param)).join(', ')}) => { ${body} };`;
  }

  #try(): string {
    const thrown = this.#chance(0.4) ? `throw ${this.#pick([this.#text(), `new Error(${this.#text()})`])};` : '';
    const last = this.#chance(0.3) ? ` finally ${this.#block(1)}` : '';
    return `try { ${this.#block(1)} ${thrown} } catch (e) ${this.#block(1)}${last}`;
  }

  #destructure(): string {
    const [a, b] = [this.#name(), this.#name()];
    const text = this.#pick([
      () => `let {a: ${a}, b: ${b} = ${this.#any()}} = ${this.#object()};`,
      () => `let [${a}, ${b} = ${this.#any()}] = ${this.#list()};`,
    ])();
    this.#variables.push(a, b);
    return text;
  }

  #any(): string {
    return this.#pick([
      () => this.#number(),
      () => this.#number(),
      () => this.#text(),
      () => this.#text(),
      () => this.#boolean(),
      () => this.#list(),
      () => this.#object(),
      () => this.#mixed(),
      () => this.#mixed(),
      () => this.#pick(this.#variables),
      () => this.#pick(['null', 'undefined', 'NaN', 'true', 'false', '0', "''"]),
    ])();
  }

  /** Values of any type meet in an operator. */
  #mixed(): string {
    if (this.#depth > 4) return this.#pick(this.#variables);
    this.#depth++;
    const text = this.#pick([
      () => `(${this.#any()} ${this.#pick(ARITHMETIC.filter((one) => one !== '**'))} ${this.#any()})`,
      () => `(${this.#any()} ${this.#pick(COMPARISON)} ${this.#any()})`,
      () => `(${this.#any()} ${this.#pick(['&&', '||'])} ${this.#any()})`,
      () => `(${this.#any()} ?? ${this.#any()})`,
      () => `(${this.#any()} ? ${this.#any()} : ${this.#any()})`,
      () => `msg?.${this.#key()}?.${this.#key()}`,
      () => `msg[${this.#text()}]`,
      () => `\`<\${${this.#any()}}|\${${this.#any()}}>\``,
      () => `(typeof ${this.#any()})`,
      () => `(${this.#pick(['-', '+', '!', '~'])} ${this.#any()})`,
      () => this.#call(),
      () => `(${this.#text()} in ${this.#object()})`,
      () => `JSON.parse(JSON.stringify(${this.#object()}))`,
      () => `JSON.stringify(${this.#any()}, null, ${this.#int(3)})`,
      () => `(${this.#any()}, ${this.#any()})`,
      () => `${this.#list()}.find(x => x > ${this.#number()})`,
      () => `${this.#list()}.reduce((a, x) => a + x, ${this.#any()})`,
    ])();
    this.#depth--;
    return text;
  }

  #call(): string {
    if (this.#functions.length === 0) return this.#number();
    const { name, count } = this.#pick(this.#functions);
    return `${name}(${this.#times(this.#int(count + 2), () => this.#pick(this.#variables)).join(', ')})`;
  }

  #small(): string {
    return String(this.#int(6) - 1);
  }

  #key(): string {
    return this.#pick(['a', 'b', 'c', 'temperature', 'name', 'list']);
  }

  #number(): string {
    const literals = ['0', '1', '2', '7', '10', '0.1', '0.5', '3.75', '1e3', '255', '4294967296', '-3', '-0.25'];
    if (this.#depth > 4 || this.#chance(0.4)) return this.#pick(literals);
    this.#depth++;
    const text = this.#pick([
      () => `(${this.#number()} ${this.#pick(ARITHMETIC.filter((one) => one !== '**'))} ${this.#number()})`,
      () => `(${this.#int(9)} ** ${this.#int(4)})`,
      () => `Math.${this.#pick(MATH_ONE)}(${this.#number()})`,
      () => `Math.${this.#pick(['min', 'max', 'hypot'])}(${this.#number()}, ${this.#number()})`,
      () => `Math.max(...${this.#list()})`,
      () => `${this.#text()}.length`,
      () => `${this.#list()}.length`,
      () => `${this.#text()}.indexOf(${this.#text()}, ${this.#small()})`,
      () => `${this.#text()}.${this.#pick(['charCodeAt', 'codePointAt', 'lastIndexOf'])}(${this.#small()})`,
      () => `${this.#list()}.${this.#pick(['indexOf', 'lastIndexOf'])}(${this.#number()})`,
      () => `parseInt(${this.#text()}, ${this.#pick(['10', '16', '2'])})`,
      () => `${this.#pick(['parseFloat', 'Number'])}(${this.#any()})`,
      () => `new Date(${this.#int(2_000_000_000)}000).getUTC${this.#pick(DATE_PARTS)}()`,
      () => `Date.UTC(20${10 + this.#int(20)}, ${this.#int(12)}, ${1 + this.#int(28)})`,
      () => `Object.keys(${this.#object()}).length`,
    ])();
    this.#depth--;
    return text;
  }

  #boolean(): string {
    if (this.#depth > 4) return this.#pick(['true', 'false']);
    this.#depth++;
    const text = this.#pick([
      () => `(${this.#number()} ${this.#pick(COMPARISON)} ${this.#number()})`,
      () => `(${this.#text()} ${this.#pick(COMPARISON)} ${this.#text()})`,
      () => `${this.#text()}.${this.#pick(['includes', 'startsWith', 'endsWith'])}(${this.#text()})`,
      () => `${this.#list()}.${this.#pick(['some', 'every'])}(x => x ${this.#pick(COMPARISON)} ${this.#number()})`,
      () => `${this.#list()}.includes(${this.#any()})`,
      () => `Array.isArray(${this.#any()})`,
      () => `${this.#pick(['isNaN', 'isFinite', 'Boolean', 'Number.isInteger', 'Number.isFinite'])}(${this.#any()})`,
      () => `${this.#object()}.hasOwnProperty(${this.#text()})`,
      () => `!${this.#any()}`,
    ])();
    this.#depth--;
    return text;
  }

  #text(): string {
    const literals = [
      "''",
      "'a'",
      "'b'",
      "'abc'",
      "' x '",
      "'12'",
      "'0x1f'",
      "'3.5kW'",
      "'a,b,c'",
      "'Ünïcödé'",
      "'😀z'",
      "'name'",
    ];
    if (this.#depth > 4 || this.#chance(0.4)) return this.#pick(literals);
    this.#depth++;
    const text = this.#pick([
      () => `(${this.#text()} + ${this.#any()})`,
      () => `${this.#text()}.${this.#pick(TEXT_TO_TEXT)}`,
      () => `${this.#text()}.${this.#pick(['substring', 'slice', 'substr'])}(${this.#small()}, ${this.#small()})`,
      () => `${this.#text()}.${this.#pick(['replace', 'replaceAll'])}(${this.#text()}, ${this.#text()})`,
      () =>
        `${this.#text()}.${this.#pick(['padStart', 'padEnd'])}(${this.#int(9)}, ${this.#pick(["'0'", "'-='", "' '"])})`,
      () => `${this.#text()}.charAt(${this.#small()})`,
      () => `${this.#text()}.repeat(${this.#int(4)})`,
      () => `${this.#list()}.join(${this.#text()})`,
      () => `String(${this.#any()})`,
      () => `(${this.#number()}).toFixed(${this.#int(5)})`,
      () => `(${this.#number()}).toString(${2 + this.#int(35)})`,
      () => `encodeURIComponent(${this.#text()})`,
      () => `new Date(${this.#int(2_000_000_000)}000).toISOString()`,
      () => `JSON.stringify(${this.#list()})`,
    ])();
    this.#depth--;
    return text;
  }

  #list(): string {
    if (this.#depth > 4 || this.#chance(0.4)) {
      return this.#pick(['[]', '[1, 2, 3]', "['b', 'a', 'c']", '[3, 1, 10, 2]', '[[1], [2, [3]]]', '[null, 0, true]']);
    }
    this.#depth++;
    const text = this.#pick([
      () => `[${this.#times(this.#int(4), () => this.#any()).join(', ')}]`,
      () => `[...${this.#list()}, ${this.#any()}]`,
      () => `${this.#list()}.map(x => ${this.#pick(['x', 'x + 1', '[x]', 'x * 2', 'typeof x'])})`,
      () => `${this.#list()}.map((x, i) => i)`,
      () => `${this.#list()}.filter(x => x ${this.#pick(COMPARISON)} ${this.#any()})`,
      () => `${this.#list()}.slice(${this.#small()}, ${this.#small()})`,
      () => `${this.#list()}.concat(${this.#any()})`,
      () => `${this.#list()}.${this.#pick(['flat()', 'reverse()', 'sort()', 'flatMap(x => [x, x])'])}`,
      () => `${this.#list()}.filter(x => typeof x === 'number').sort((a, b) => ${this.#pick(['a - b', 'b - a'])})`,
      () => `${this.#text()}.split(${this.#text()})`,
      () => `Object.${this.#pick(['keys', 'values', 'entries'])}(${this.#object()})`,
    ])();
    this.#depth--;
    return text;
  }

  #object(): string {
    if (this.#depth > 4) return '{}';
    this.#depth++;
    const text = this.#pick([
      () => `({${this.#times(this.#int(4), () => `${this.#key()}: ${this.#any()}`).join(', ')}})`,
      () => `({a: ${this.#any()}, ...${this.#object()}})`,
      () => `({[${this.#text()}]: ${this.#any()}, b: ${this.#any()}})`,
      () => `Object.assign({}, ${this.#object()}, {c: ${this.#any()}})`,
      () => `Object.fromEntries(Object.entries(${this.#object()}))`,
      () => 'msg',
    ])();
    this.#depth--;
    return text === '{}' ? '({})' : text;
  }
}
