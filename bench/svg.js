/** One colour a target, told apart also without colours by its name. @type {Readonly<Record<string, string>>} */
const COLOURS = {
  gridmoor: '#0b6e99',
  'gridmoor-redis': '#5fa8c7',
  aedes: '#8a8a8a',
  mosquitto: '#b8862b',
  'mosquitto-consumer': '#7a5410',
  'node-red': '#a3302f',
  rabbitmq: '#d9722e',
  nats: '#4a8f4e',
};

const WIDTH = 760;
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 80;
const BAR = 16;
const GAP = 4;
const GROUP_GAP = 26;
const TOP = 34;

const escaped = (/** @type {string} */ text) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** @param {number} value */
const shown = (value) => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });

/**
 * Bars that lie, in groups, all of one scale; less is better in all that we draw.
 * @param {string} title
 * @param {{ label: string, bars: { target: string, value: number }[] }[]} groups
 */
export function barChart(title, groups) {
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const scale = (WIDTH - LABEL_WIDTH - VALUE_WIDTH) / most;
  /** @type {string[]} */
  const parts = [];
  let y = TOP;
  for (const { label, bars } of groups) {
    if (groups.length > 1) {
      parts.push(`<text x="10" y="${y + 12}" font-weight="bold">${escaped(label)}</text>`);
      y += BAR + GAP;
    }
    for (const { target, value } of bars) {
      const width = Math.max(1, value * scale);
      const middle = y + BAR - 4;
      parts.push(
        `<text x="${LABEL_WIDTH - 8}" y="${middle}" text-anchor="end">${escaped(target)}</text>`,
        `<rect x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[target] ?? '#555555'}"/>`,
        `<text x="${(LABEL_WIDTH + width + 6).toFixed(1)}" y="${middle}">${shown(value)}</text>`,
      );
      y += BAR + GAP;
    }
    y += GROUP_GAP - GAP;
  }
  const height = y - GROUP_GAP + GAP + 12;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12" fill="#222222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="10" y="20" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
