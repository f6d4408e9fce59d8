import { type Answer, reply } from './operation.ts';

/** One answer for several messages: the gravest of theirs. */
export const joinAnswers = (answers: readonly Answer[]): Answer =>
  answers.find(({ kind }) => kind === 'close') ??
  answers.find((answer) => answer.kind === 'reply' && answer.code !== 'ok') ??
  reply('ok', {});
