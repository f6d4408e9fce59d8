import { type JsonValue, stringifyJson } from '../../model/json.ts';
import type { ExplainedCondition, ExplainedMsg, ExplainedStep, Explanation } from './explain.ts';

/** An explanation for a terminal: a line a node, below it its conditions and what it changed in the message. */
export function explainText({ messages, left }: Explanation): string {
  const lines = messages.flatMap(messageLines);
  for (const [what, value] of Object.entries(left)) lines.push(`${what}: ${json(value)}`);
  return `${lines.join('\n')}\n`;
}

function messageLines({ from, type, steps, outcome, deadLetters }: ExplainedMsg): string[] {
  const [first] = steps;
  const lines = [`${from}: ${type}${first ? ` ${json(first.msg.data)}` : ''}`];
  const branches = new Set(steps.map((step) => step.chain));
  steps.forEach((step, index) => {
    lines.push(...stepLines(step, branches.size > 1), ...changes(step, steps[index + 1]));
  });
  lines.push(`  ${outcome}`);
  for (const { chain, node, reason } of deadLetters) lines.push(`    at ${chain}/${node}: ${reason}`);
  return lines;
}

function stepLines(step: ExplainedStep, manyChains: boolean): string[] {
  const name = manyChains ? `${step.chain}/${step.node}` : step.node;
  const tries = step.attempts === undefined ? '' : `, ${step.attempts} tries`;
  const next = step.to.length === 0 ? 'the end' : step.to.map(({ node }) => node).join(', ');
  const head = `  ${step.ms.toFixed(3).padStart(8)} ms  ${name} (${step.kind})${tries} --${step.labels.join(', ')}--> ${next}`;
  const error = step.error === undefined ? [] : [`${INDENT}failed: ${step.error}`];
  return [head, ...error, ...step.conditions.map(conditionLine)];
}

const INDENT = ' '.repeat(15);

function conditionLine({ text, actual, holds, expected }: ExplainedCondition): string {
  const asked = expected === undefined ? '' : ` (is ${actual === undefined ? 'missing' : json(actual)})`;
  return `${INDENT}${holds ? 'yes' : 'no '}  ${text}${asked}`;
}

/** What the node did to the message, seen in the next one that gets it. */
function changes(step: ExplainedStep, next: ExplainedStep | undefined): string[] {
  if (next === undefined || !step.to.some(({ node }) => node === next.node)) return [];
  const lines: string[] = [];
  if (next.msg.type !== step.msg.type) lines.push(`${INDENT}type = ${next.msg.type}`);
  for (const [key, value] of Object.entries(next.msg.metadata)) {
    if (step.msg.metadata[key] !== value) lines.push(`${INDENT}metadata ${key} = ${JSON.stringify(value)}`);
  }
  if (json(next.msg.data) !== json(step.msg.data)) lines.push(`${INDENT}body = ${json(next.msg.data)}`);
  return lines;
}

const json = (value: JsonValue): string => stringifyJson(value);
