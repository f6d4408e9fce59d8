import { looselyEqual } from './convert.ts';
import { javaScript } from './javascript.ts';
import type { Language } from './language.ts';

export const tbel: Language = { ...javaScript, lang: 'TBEL', absent: null, equals: looselyEqual };
