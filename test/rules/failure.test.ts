import { describe, expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { Secret } from '../../src/model/secret.ts';
import { cleanReason, failed } from '../../src/rules/failure.ts';
import { NodeFailure } from '../../src/rules/node-kind.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const msg = testMsg({ metadata: { kept: 'yes' }, data: { key: new Secret('sesame') } });
const errorOf = (thing: unknown) => failed(msg, thing).msg.metadata.error;

describe('failed', () => {
  it('leaves by Failure, metadata kept', () => {
    expect(failed(msg, new NodeFailure('why'))).toMatchObject({
      relation: 'Failure',
      msg: { id: 'm', metadata: { kept: 'yes', error: 'why' } },
    });
  });

  it('tells what was thrown by code or name', () => {
    expect(errorOf(new BrokerError('DEADLINE_EXCEEDED'))).toMatch(/^DEADLINE_EXCEEDED: /);
    expect(errorOf(new RangeError('too far'))).toBe('RangeError: too far');
    expect(errorOf('a text')).toBe('threw string');
    expect(errorOf(undefined)).toBe('threw undefined');
  });

  it('shortens what is long', () => {
    expect(errorOf(new NodeFailure('x'.repeat(5000)))).toHaveLength(300);
  });
});

it('cleanReason hides secrets and supply points in any spelling', () => {
  expect(cleanReason('sesame es 1234 1234 5678 9012 jy 0f sesame', msg)).toBe('[redacted] [supply point] [redacted]');
});
