export { UNSUPPORTED_KIND } from './classes.ts';
export { type ReadChain, readThingsBoardChain } from './read.ts';
export { chainsOf, idText, isThingsBoardExport, type TbChain } from './shapes.ts';
export { type WriteOptions, type Written, writeThingsBoardChain } from './write.ts';
