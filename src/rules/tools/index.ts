export { type FormatOptions, type FormatResult, formatText } from './format.ts';
