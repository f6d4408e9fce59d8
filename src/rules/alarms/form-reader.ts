import { ExactNumber } from '../../model/json.ts';
import { nearest } from '../../schema/validate.ts';

export interface FormIssue {
  /** JSON pointer into what was read. */
  readonly at: string;
  readonly problem: string;
  readonly hint?: string;
}

/** Reads untrusted JSON member by member; everything that is wrong is noted with its place, and a plain value stands in. */
export class FormReader {
  readonly value: unknown;
  readonly at: string;
  readonly issues: FormIssue[];

  constructor(value: unknown, at = '', issues: FormIssue[] = []) {
    this.value = value;
    this.at = at;
    this.issues = issues;
  }

  fail(problem: string, hint?: string): void {
    this.issues.push({ at: this.at, problem, ...(hint === undefined ? {} : { hint }) });
  }

  get absent(): boolean {
    return this.value === undefined || this.value === null;
  }

  get(key: string): FormReader {
    const at = `${this.at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const object = isObject(this.value) ? this.value : {};
    return new FormReader(Object.hasOwn(object, key) ? object[key] : undefined, at, this.issues);
  }

  /** Notes an issue unless it is an object. */
  object(): this {
    if (!isObject(this.value)) this.fail('must be an object');
    return this;
  }

  /** Members of an object; none, with an issue, when it is something else. */
  members(): readonly (readonly [string, FormReader])[] {
    if (!isObject(this.value)) {
      this.fail('must be an object');
      return [];
    }
    return Object.keys(this.value).map((key) => [key, this.get(key)] as const);
  }

  list(least = 0): readonly FormReader[] {
    const { value } = this;
    if (!Array.isArray(value) || value.length < least) {
      this.fail(least > 0 ? `must be a list with at least ${least} entry` : 'must be a list');
      return [];
    }
    return value.map((item, index) => new FormReader(item, `${this.at}/${index}`, this.issues));
  }

  text(): string {
    if (typeof this.value === 'string' && this.value !== '') return this.value;
    this.fail('must be a text that is not empty');
    return '';
  }

  number({ least = Number.NEGATIVE_INFINITY, most = Number.POSITIVE_INFINITY } = {}): number {
    const value = this.value instanceof ExactNumber ? this.value.valueOf() : this.value;
    if (typeof value === 'number' && value >= least && value <= most) return value;
    const bounds = `${least > Number.NEGATIVE_INFINITY ? ` of at least ${least}` : ''}${most < Number.POSITIVE_INFINITY ? ` and at most ${most}` : ''}`;
    this.fail(`must be a number${bounds}`);
    return 0;
  }

  flag(fallback: boolean): boolean {
    if (this.absent) return fallback;
    if (typeof this.value === 'boolean') return this.value;
    this.fail('must be true or false');
    return fallback;
  }

  /** One of these words; undefined, with an issue, when it is none of them. */
  word<W extends string>(words: readonly W[], fallback?: W): W | undefined {
    if (this.absent && fallback !== undefined) return fallback;
    const found = words.find((one) => one === this.value);
    if (found === undefined) {
      const near = typeof this.value === 'string' ? nearest(this.value, words) : undefined;
      this.fail(`must be one of ${words.join(', ')}`, near === undefined ? undefined : `did you mean "${near}"?`);
    }
    return found;
  }

  /** Notes members that nobody reads. */
  only(...known: readonly string[]): void {
    for (const [key, member] of isObject(this.value) ? this.members() : []) {
      if (known.includes(key)) continue;
      const near = nearest(key, known);
      member.fail(`unknown field "${key}"`, near ? `did you mean "${near}"?` : `known here: ${known.join(', ')}`);
    }
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
