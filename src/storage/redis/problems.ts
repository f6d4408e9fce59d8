import { BrokerError } from '../../errors.ts';
import { corrupt } from '../stored-json.ts';

/** What a failed try means: `late` and `away` may be tried again, `final` is the answer. */
export type Failure = { readonly kind: 'late' | 'away' } | { readonly kind: 'final'; readonly error: BrokerError };

/** Answers of a Redis that will be there again soon. */
const PASSING = /^(?:LOADING|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|READONLY|BUSY|MOVED|ASK|NOREPLICAS|UNBLOCKED)\b/;

/** Without what ioredis hangs on it: the words of the command, which are records of devices and go into no log. */
export function bare(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof BrokerError) return error;
  const { name, message } = error;
  return Object.assign(new Error(message), { name });
}

/** An answer of Redis, with what to do about it where its words do not say so. */
export function explained(answer: string): string {
  return answer.startsWith('NOPERM') ? `its user lacks rights that docs/redis.md lists: ${answer}` : answer;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof BrokerError)
    return error.code === 'STORE_UNAVAILABLE' ? { kind: 'away' } : { kind: 'final', error };
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError)
    return { kind: 'final', error: BrokerError.from(error) };
  // Whatever is no answer of Redis is trouble on the way to it.
  if (error.name !== 'ReplyError') return { kind: 'away' };
  const { message } = error;
  if (message.startsWith('LATE')) return { kind: 'late' };
  if (PASSING.test(message)) return { kind: 'away' };
  const line = message.split('\n')[0]?.slice(0, 200) ?? '';
  const reason = message.startsWith('OOM')
    ? 'Redis is out of memory: raise maxmemory, or remove data'
    : message.startsWith('MISCONF')
      ? 'Redis cannot write to its disk (MISCONF)'
      : explained(line);
  // A script of ours trips only over what others have written into our keys.
  if (reason === line && /WRONGTYPE|user_script/.test(line)) return { kind: 'final', error: corrupt(line) };
  return { kind: 'final', error: new BrokerError('STORE_UNAVAILABLE', { reason }, { cause: bare(error) }) };
}
