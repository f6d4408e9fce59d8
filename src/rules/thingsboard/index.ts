export { UNSUPPORTED_KIND } from './classes.ts';
export { type ReadChain, readThingsBoardChain } from './read.ts';
export { chainsOf, idText, isThingsBoardExport, type TbChain } from './shapes.ts';
export { idOfName, type WriteOptions, type Written, writeThingsBoardChain } from './write.ts';
