import type { LightMyRequestResponse } from 'fastify';
import { compileSchema } from '../../src/schema/validate.ts';

type Schema = Readonly<Record<string, unknown>>;
interface Operation {
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Throws when an answer is not as the OpenAPI page says. Paths that the page does not have are let pass. */
export type Contract = (method: string, url: string, answer: LightMyRequestResponse) => void;

export function readContract({ paths }: Document): Contract {
  // Longest first: a fixed path before one with a parameter in its place.
  const patterns = Object.entries(paths)
    .map(([path, operations]) => ({
      path,
      pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`),
      operations,
    }))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length);
  return (method, url, answer) => {
    const path = url.split('?', 1)[0] ?? '';
    const operation = patterns.find(({ pattern }) => pattern.test(path))?.operations[method.toLowerCase()];
    if (!operation) return;
    const { responses } = operation;
    const said = responses[String(answer.statusCode)] ?? responses[`${String(answer.statusCode)[0]}XX`];
    if (!said) throw new Error(`${method} ${path}: status ${answer.statusCode} is not on the OpenAPI page`);
    if (!said.content) return;
    const type = String(answer.headers['content-type'] ?? '').replace(/;.*$/s, '');
    const schema =
      said.content[type]?.schema ?? (answer.body === '' ? Object.values(said.content)[0]?.schema : undefined);
    if (!schema) throw new Error(`${method} ${path}: the content type ${type} is not on the OpenAPI page`);
    const value: unknown = answer.body === '' ? null : answer.json();
    const checked = compileSchema(schema)(value);
    if (checked.ok) return;
    const problems = checked.violations.map(({ at, problem }) => `${at} ${problem}`).join('; ');
    throw new Error(`${method} ${path}: the answer is not as the OpenAPI page says: ${problems}`);
  };
}
