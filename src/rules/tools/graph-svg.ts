import type { ChainGraph } from '../chain-graph.ts';
import { countText, type GraphCounts, labelText } from '../graph.ts';
import { type Layout, layOut, type Point } from './graph-layout.ts';

const START = '\nstart';
const LETTER = 7.4;
const HEIGHT = 40;

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** The chain as an SVG picture that needs nothing else: no script, no style sheet, no font to load. */
export function chainToSvg(graph: ChainGraph, counts?: GraphCounts): string {
  const boxes = [...graph.nodes.values()].map(({ name, kind }) => {
    const under = counts ? `${kind} · ${countText(counts.get(name))}` : kind;
    return {
      id: name,
      under,
      width: Math.max(name.length * LETTER, under.length * LETTER * 0.82) + 24,
      height: HEIGHT,
    };
  });
  const arrows = arrowsOf(graph, counts);
  const layout = layOut([{ id: START, width: 16, height: 16 }, ...boxes], arrows);
  const at = (id: string): Point => layout.nodes.get(id) ?? { x: 0, y: 0 };
  const { x, y } = at(START);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(layout.width)} ${round(layout.height)}" width="${round(layout.width)}" height="${round(layout.height)}" font-family="sans-serif" font-size="13">`,
    `<title>${escapeXml(graph.name)}</title>`,
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b6770"/></marker></defs>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...arrows.map((arrow, index) => arrowSvg(arrow, layout, index)),
    `<circle cx="${round(x)}" cy="${round(y)}" r="7" fill="#24313a"/>`,
    ...boxes.map(({ id, under, width }) => boxSvg(id, under, width, at(id))),
    '</svg>',
    '',
  ].join('\n');
}

/** Several labels to one node share an arrow. */
function arrowsOf(graph: ChainGraph, counts: GraphCounts | undefined): Arrow[] {
  const arrows: Arrow[] = graph.first === null ? [] : [{ from: START, to: graph.first, label: '' }];
  for (const { name, edges } of graph.nodes.values()) {
    for (const to of new Set(edges.map((edge) => edge.to))) {
      if (!graph.nodes.has(to)) continue;
      const labels = edges.filter((edge) => edge.to === to).map(({ label }) => labelText(label, counts?.get(name)));
      arrows.push({ from: name, to, label: labels.join(', ') });
    }
  }
  return arrows;
}

function boxSvg(name: string, under: string, width: number, { x, y }: Point): string {
  const left = round(x - width / 2);
  return [
    `<g><rect x="${left}" y="${round(y - HEIGHT / 2)}" width="${round(width)}" height="${HEIGHT}" rx="6" fill="#eef4f7" stroke="#5b6770"/>`,
    `<text x="${round(x)}" y="${round(y - 3)}" text-anchor="middle" fill="#24313a">${escapeXml(name)}</text>`,
    `<text x="${round(x)}" y="${round(y + 13)}" text-anchor="middle" font-size="10.5" fill="#5b6770">${escapeXml(under)}</text></g>`,
  ].join('');
}

function arrowSvg({ label, to }: Arrow, layout: Layout, index: number): string {
  const points = layout.edges[index] ?? [];
  const [first, ...rest] = points;
  if (first === undefined) return '';
  let path = `M${round(first.x)} ${round(first.y)}`;
  let last = first;
  for (const point of rest) {
    const bend = (point.y - last.y) / 2;
    path += `C${round(last.x)} ${round(last.y + bend)} ${round(point.x)} ${round(point.y - bend)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  const [next = first] = rest;
  const middle = { x: (first.x + next.x) / 2, y: (first.y + next.y) / 2 };
  const text =
    label === ''
      ? ''
      : `<text x="${round(middle.x)}" y="${round(middle.y)}" text-anchor="middle" font-size="11" fill="#24313a" stroke="#fff" stroke-width="3" paint-order="stroke">${escapeXml(label)}</text>`;
  return `<g data-to="${escapeXml(to)}"><path d="${path}" fill="none" stroke="#5b6770" marker-end="url(#tip)"/>${text}</g>`;
}

const round = (value: number): string => String(Math.round(value * 10) / 10);

function escapeXml(text: string): string {
  const clean = text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '?');
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
