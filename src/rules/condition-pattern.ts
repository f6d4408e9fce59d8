import { type PatternNode, parsePattern } from './condition-pattern-syntax.ts';

export type PatternResult =
  | { readonly ok: true; test(text: string): boolean }
  | { readonly ok: false; readonly problem: string };

/** Longer texts never match. */
export const MAX_MATCHED_LENGTH = 4096;
const MAX_PROGRAM = 500;
const MAX_VISITS = 5000;
const MAX_CACHED_STATES = 200;

type CharTest = (codePoint: number) => boolean;

type Instruction =
  | { readonly op: 'char'; readonly test: CharTest }
  | { readonly op: 'start' }
  | { readonly op: 'end' }
  | { readonly op: 'accept' }
  | Goto;

/** Continues at every one of these places. */
interface Goto {
  readonly op: 'goto';
  readonly to: number[];
}

/** A set of places in the program, and what each further ASCII character makes of it. */
interface State {
  readonly places: readonly number[];
  readonly accepts: boolean;
  readonly acceptsAtEnd: boolean;
  readonly next: (State | undefined)[];
}

/**
 * Compiles the `matches` operator's regular expression: JavaScript's syntax in Unicode mode without look-around, back
 * references and \b. It runs as an automaton, so time grows with the text only; no pattern can backtrack.
 */
export function compilePattern(source: string): PatternResult {
  const parsed = parsePattern(source);
  if (!parsed.ok) return parsed;
  const assembler = new Assembler();
  if (!assembler.emit(parsed.node)) return { ok: false, problem: 'the pattern is too large' };
  const automaton = new Automaton([...assembler.program, { op: 'accept' }]);
  return { ok: true, test: (text) => automaton.test(text) };
}

/** Writes the program of a pattern; every method gives false when the program grows too large. */
class Assembler {
  readonly program: Instruction[] = [];
  /** Nodes visited: `((){500}){500}` emits nothing, and would still take for ever. */
  #visits = 0;

  emit(node: PatternNode): boolean {
    if (this.program.length > MAX_PROGRAM || ++this.#visits > MAX_VISITS) return false;
    switch (node.kind) {
      case 'char':
        this.program.push({ op: 'char', test: node.test });
        return true;
      case 'start':
      case 'end':
        this.program.push({ op: node.kind });
        return true;
      case 'sequence':
        return node.items.every((item) => this.emit(item));
      case 'choice':
        return this.#choice(node.options);
      case 'repeat':
        return this.#repeat(node);
    }
  }

  #choice(options: readonly PatternNode[]): boolean {
    const fork = this.#goto();
    const exits: Goto[] = [];
    for (const option of options) {
      fork.to.push(this.program.length);
      if (!this.emit(option)) return false;
      exits.push(this.#goto());
    }
    for (const exit of exits) exit.to.push(this.program.length);
    return true;
  }

  #repeat({ item, min, max }: Extract<PatternNode, { kind: 'repeat' }>): boolean {
    for (let count = 0; count < min; count++) if (!this.emit(item)) return false;
    if (max === Number.POSITIVE_INFINITY) {
      const loop = this.program.length;
      const fork = this.#goto(loop + 1);
      if (!this.emit(item)) return false;
      this.#goto(loop);
      fork.to.push(this.program.length);
      return true;
    }
    const forks: Goto[] = [];
    for (let count = min; count < max; count++) {
      forks.push(this.#goto(this.program.length + 1));
      if (!this.emit(item)) return false;
    }
    for (const fork of forks) fork.to.push(this.program.length);
    return true;
  }

  #goto(...to: number[]): Goto {
    const instruction: Goto = { op: 'goto', to };
    this.program.push(instruction);
    return instruction;
  }
}

/** Runs a program on texts, building states as texts need them and dropping them all when there are too many. */
class Automaton {
  readonly #program: readonly Instruction[];
  readonly #first: State;
  #states = new Map<string, State>();

  constructor(program: readonly Instruction[]) {
    this.#program = program;
    this.#first = this.#state([0], true);
  }

  test(text: string): boolean {
    if (text.length > MAX_MATCHED_LENGTH) return false;
    let state = this.#first;
    for (let at = 0; at < text.length; at++) {
      if (state.accepts) return true;
      const code = text.charCodeAt(at);
      if (code < 128) {
        let next = state.next[code];
        if (next === undefined) {
          next = this.#step(state, code);
          state.next[code] = next;
        }
        state = next;
      } else {
        const codePoint = text.codePointAt(at) ?? code;
        if (codePoint > 0xffff) at++;
        state = this.#step(state, codePoint);
      }
    }
    return state.accepts || state.acceptsAtEnd;
  }

  #step(state: State, codePoint: number): State {
    const seeds: number[] = [];
    for (const place of state.places) {
      const instruction = this.#program[place];
      if (instruction?.op === 'char' && instruction.test(codePoint)) seeds.push(place + 1);
    }
    // A match may begin at any place of the text.
    seeds.push(0);
    return this.#state(seeds, false);
  }

  #state(seeds: readonly number[], atStart: boolean): State {
    const { places, accepts } = this.#closure(seeds, atStart, false);
    const key = `${places.join(',')}${accepts ? '!' : ''}${atStart ? '^' : ''}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const acceptsAtEnd = accepts || this.#closure(seeds, atStart, true).accepts;
    const state: State = { places, accepts, acceptsAtEnd, next: [] };
    if (this.#states.size >= MAX_CACHED_STATES) {
      // Cached states point at each other: forgetting the map alone would keep them all alive.
      for (const old of this.#states.values()) old.next.length = 0;
      this.#states = new Map();
    }
    this.#states.set(key, state);
    return state;
  }

  /** The places reached without reading a character, in order. */
  #closure(seeds: readonly number[], atStart: boolean, atEnd: boolean): { places: number[]; accepts: boolean } {
    const seen = new Set<number>();
    const open = [...seeds];
    const places: number[] = [];
    let accepts = false;
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (seen.has(place)) continue;
      seen.add(place);
      const instruction = this.#program[place];
      if (instruction === undefined) continue;
      if (instruction.op === 'accept') accepts = true;
      else if (instruction.op === 'goto') open.push(...instruction.to);
      else if (instruction.op === 'start') {
        if (atStart) open.push(place + 1);
      } else {
        places.push(place);
        if (instruction.op === 'end' && atEnd) open.push(place + 1);
      }
    }
    return { places: places.sort((a, b) => a - b), accepts };
  }
}
