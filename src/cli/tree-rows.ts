import { NODE_ROW, type NodeRow } from '../model/portable.ts';
import { guardCell, unguardCell } from './csv.ts';
import type { Column, Shape } from './row-file.ts';

const column = (heading: 'entity' | 'parent'): Column<NodeRow> => ({
  heading,
  field: heading,
  read(cell, row) {
    const entity = unguardCell(cell);
    if (!/^(?:DEVICE:.|ASSET:[^/]+\/.)/s.test(entity)) return 'must be ASSET:<type>/<name> or DEVICE:<name>';
    row[heading] = entity;
    return undefined;
  },
  write: (row) => guardCell(row[heading] ?? ''),
});

export const NODE_COLUMNS: readonly Column<NodeRow>[] = [column('entity'), column('parent')];

export const NODE_SHAPE: Shape<NodeRow> = {
  schema: NODE_ROW,
  headings: NODE_COLUMNS.map(({ heading }) => heading),
  needed: ['entity'],
  column: (heading) => NODE_COLUMNS.find((one) => one.heading === heading.toLowerCase()),
  key: { field: 'entity', of: ({ entity }) => entity },
};
