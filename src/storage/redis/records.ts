import type { Page, PageQuery } from '../../model/entity.ts';
import { corrupt } from '../stored-json.ts';

/** Records of plain JSON: no exact numbers, no secrets. */
export function jsonOf<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw corrupt('a record is not JSON');
  }
}

/** One page of a list whose length is known. */
export function pageAt<T>(data: readonly T[], totalElements: number, { page, pageSize }: PageQuery): Page<T> {
  return { data, totalElements, hasNext: (page + 1) * pageSize < totalElements };
}

/** A page of what has been collected in order. */
export function pageOfList<T>(all: readonly T[], query: PageQuery): Page<T> {
  const first = query.page * query.pageSize;
  return pageAt(all.slice(first, first + query.pageSize), all.length, query);
}
