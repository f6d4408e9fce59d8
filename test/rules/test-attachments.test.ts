import { describe, expect, it } from 'vitest';
import type { ConflictPolicy } from '../../src/model/attachment.ts';
import { newAssetId } from '../../src/model/ids.ts';
import { createTestAttachments, stemOf } from '../../src/rules/test-attachments.ts';
import { createTestContext } from '../../src/rules/test-context.ts';
import { testMsg } from '../helpers/chain-kit.ts';

const STEM = 'ES1234123456789012JY';
const held = { device: 'm1', supplier: 'Sol', supplyPoint: STEM, grid: 'unknown:1234' };

/** A world where m1 holds the point, and a device that wants it. */
function world() {
  const context = createTestContext();
  const attachments = createTestAttachments([held]);
  const attach = (device: string, onConflict: ConflictPolicy, change: { supplier?: string; stem?: string } = {}) =>
    attachments.attach({
      msg: testMsg({ originator: context.originator(device) }),
      request: {
        supplierId: newAssetId(1),
        supplyPoint: { scheme: 'es-cups', stem: change.stem ?? STEM },
        grid: { code: 'unknown:1234', name: 'Unknown distributor 1234' },
        onConflict,
        by: 'test',
      },
      supplier: { id: newAssetId(1), name: change.supplier ?? 'Sol' },
      now: 1,
      gridId: newAssetId(1),
      idOf: (name) => context.originator(name).id,
    });
  return { context, attachments, attach };
}

describe('test attachments', () => {
  it('refuse, move over, or let both hold a point that is taken', () => {
    const reject = world();
    expect(reject.attach('m2', 'reject')).toEqual({ kind: 'conflict', holder: reject.context.originator('m1').id });
    expect(reject.attachments.held()).toEqual([held]);
    const move = world();
    expect(move.attach('m2', 'move')).toMatchObject({ kind: 'moved', from: [move.context.originator('m1').id] });
    expect(move.attachments.held()).toEqual([{ ...held, device: 'm2' }]);
    const allow = world();
    expect(allow.attach('m2', 'allow')).toMatchObject({ kind: 'attached' });
    expect(allow.attachments.held().map((one) => one.device)).toEqual(['m1', 'm2']);
  });

  it('change nothing on a repeat', () => {
    const { attach, attachments } = world();
    expect(attach('m1', 'reject')).toMatchObject({ kind: 'already-attached' });
    expect(attachments.held()).toEqual([held]);
  });

  it('end the former attachment of a device that goes elsewhere', () => {
    const { attach, attachments } = world();
    expect(attach('m1', 'reject', { supplier: 'Luz' })).toMatchObject({ kind: 'attached' });
    expect(attachments.held()).toEqual([{ ...held, supplier: 'Luz' }]);
    attach('m1', 'reject', { stem: 'ES0021000000000001RK' });
    expect(attachments.held()).toMatchObject([{ device: 'm1', supplyPoint: 'ES0021000000000001RK' }]);
  });
});

it('stemOf gives one stem for every spelling of a code', () => {
  expect(stemOf('es 1234-1234-5678-9012-jy 1P')).toBe(STEM);
  expect(stemOf('no code')).toBe('no code');
});
