/**
 * A flame graph of a CPU profile as V8 writes it: who called whom from the bottom up, as wide as the time it took.
 * @typedef {{ id: number, callFrame: { functionName: string, url: string, lineNumber: number }, children?: number[] }} ProfileNode
 * @typedef {{ nodes: ProfileNode[], samples: number[], timeDeltas: number[] }} Profile
 */

/**
 * @typedef {object} Frame
 * @property {string} name
 * @property {string} place
 * @property {number} time  With all it called, us.
 * @property {Map<string, Frame>} callees
 */

const WIDTH = 1_200;
const ROW = 16;
const TOP = 30;
/** A frame of a smaller share is left out. */
const LEAST = 0.002;
const CHARACTER = 6.2;
const NO_WORK = new Set(['(idle)', '(root)']);

/** The profiler's own. */
const OWN = /^profiler\.cjs/;

/** Whose code it is, by its place. @type {readonly [RegExp, string][]} */
const COLOURS = [
  [/^gc$/, '#c9a0dc'],
  [/node_modules\/lmdb/, '#b8c98a'],
  [/node_modules\/(?:aedes|mqtt-packet)/, '#e8b878'],
  [/node_modules/, '#d9d28c'],
  [/^node:/, '#cfcfcf'],
  [/^native$/, '#b5b5b5'],
  [/./, '#8cc4dd'],
];

const escaped = (/** @type {string} */ text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** @param {ProfileNode['callFrame']} frame */
function placeOf({ url, lineNumber, functionName }) {
  if (functionName === '(garbage collector)') return 'gc';
  if (url === '') return 'native';
  const path = url.replace(/^file:\/\//, '').replace(/^.*\/(?=(?:dist|node_modules)\/)/, '');
  return path.startsWith('/') ? path.replace(/^.*\/(?=[^/]+$)/, '') : `${path}:${lineNumber + 1}`;
}

/**
 * The same function called from the same place is one frame, wherever V8 has noted it.
 * @param {Profile} profile
 * @returns {Frame}
 */
export function framesOf({ nodes, samples, timeDeltas }) {
  const own = new Map();
  for (const [at, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + (timeDeltas[at] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  /** @type {(node: ProfileNode, into: Frame) => number} */
  const add = (node, into) => {
    const name = node.callFrame.functionName || '(anonymous)';
    const place = placeOf(node.callFrame);
    if (OWN.test(place)) return 0;
    const key = `${name} ${place}`;
    const frame = into.callees.get(key) ?? { name, place, time: 0, callees: new Map() };
    into.callees.set(key, frame);
    let time = NO_WORK.has(name) ? 0 : (own.get(node.id) ?? 0);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child) time += add(child, frame);
    }
    frame.time += time;
    return time;
  };
  /** @type {Frame} */
  const all = { name: 'all', place: '', time: 0, callees: new Map() };
  const root = byId.get(nodes[0]?.id ?? -1);
  for (const id of root?.children ?? []) {
    const child = byId.get(id);
    if (child) all.time += add(child, all);
  }
  return all;
}

/**
 * @param {string} title
 * @param {Frame} all
 */
export function flameGraph(title, all) {
  /** @type {{ frame: Frame, x: number, depth: number }[]} */
  const drawn = [];
  const visit = (/** @type {Frame} */ frame, /** @type {number} */ x, /** @type {number} */ depth) => {
    drawn.push({ frame, x, depth });
    let from = x;
    for (const callee of [...frame.callees.values()].sort((a, b) => b.time - a.time)) {
      if (callee.time / all.time < LEAST) continue;
      visit(callee, from, depth + 1);
      from += (callee.time / all.time) * WIDTH;
    }
  };
  visit(all, 0, 0);
  const deepest = Math.max(...drawn.map(({ depth }) => depth));
  const height = TOP + (deepest + 1) * ROW + 6;
  const boxes = drawn.map(({ frame, x, depth }) => {
    const width = (frame.time / all.time) * WIDTH;
    const y = height - 6 - (depth + 1) * ROW;
    const share = `${((frame.time / all.time) * 100).toFixed(1)} %`;
    const fill = COLOURS.find(([pattern]) => pattern.test(frame.place))?.[1] ?? '#dddddd';
    const room = Math.floor((width - 4) / CHARACTER);
    const label =
      room < 3 ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(frame.name.slice(0, room))}</text>`;
    return (
      `<g><title>${escaped(`${frame.name} ${frame.place}, ${share}`)}</title>` +
      `<rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(0.5, width - 0.5).toFixed(1)}" height="${ROW - 1}" fill="${fill}"/>${label}</g>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="11" fill="#222222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="6" y="18" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...boxes,
    '</svg>',
    '',
  ].join('\n');
}
