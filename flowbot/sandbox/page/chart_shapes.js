/**
 * The drawings of charts: axes with bars, lines or areas, and the pie.
 * @module
 */

import { svg } from './dom.js';
import { t } from './words.js';

/** @typedef {import('./blocks_chart.js').Series} Series */

const WIDTH = 520;
const HEIGHT = 220;
const PAD = { left: 48, right: 12, top: 12, bottom: 28 };
const PLOT = { width: WIDTH - PAD.left - PAD.right, height: HEIGHT - PAD.top - PAD.bottom };
const STEPS = 4;
/** About the width of a character below the axis. */
const CHARACTER = 7;
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** @param {number} index @returns {string} */
export function seriesColor(index) {
  return `var(--series-${(index % 6) + 1})`;
}

/** @param {number} largest @returns {number} a round number at or above it */
function ceiling(largest) {
  if (largest <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 2.5, 5, 10].map((step) => step * size).find((step) => step >= largest) ?? largest;
}

/** @param {number} share of the ceiling, 0 to 1 */
function y(share) {
  return PAD.top + PLOT.height * (1 - share);
}

/** @param {number} top */
function grid(top) {
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const at = y(step / STEPS);
    const line = svg('line', { x1: PAD.left, x2: WIDTH - PAD.right, y1: at, y2: at, class: 'chart-grid' });
    return [line, svg('text', { x: PAD.left - 8, y: at + 4, class: 'chart-tick', 'text-anchor': 'end' }, SHORT.format((top * step) / STEPS))];
  });
}

/** @param {string[]} categories */
function ticks(categories) {
  const step = PLOT.width / categories.length;
  const room = Math.max(...categories.map((label) => label.length)) * CHARACTER;
  const every = Math.ceil((room + CHARACTER) / step);
  return categories.map((label, index) => {
    if (index % every !== 0) return null;
    const x = Math.min(PAD.left + step * (index + 0.5), WIDTH - (label.length * CHARACTER) / 2);
    return svg('text', { x, y: HEIGHT - 8, class: 'chart-tick', 'text-anchor': 'middle' }, label);
  });
}

/** @param {Series[]} series @param {number} top */
function bars(series, top) {
  const slot = PLOT.width / series[0].values.length;
  const width = Math.min(36, (slot * 0.7) / series.length);
  return series.flatMap(({ name, values }, row) =>
    values.map((value, at) => {
      const x = PAD.left + slot * (at + 0.5) + width * (row - series.length / 2);
      const height = Math.max(0, (PLOT.height * value) / top);
      const shape = { x, y: y(value / top), width: Math.max(1, width - 2), height, rx: 3, fill: seriesColor(row) };
      return svg('rect', shape, svg('title', {}, `${name}: ${value}`));
    }),
  );
}

/** @param {number[]} values @param {number} top @returns {string[]} x,y pairs */
function points(values, top) {
  const slot = PLOT.width / values.length;
  return values.map((value, at) => `${PAD.left + slot * (at + 0.5)},${y(value / top)}`);
}

/** @param {Series[]} series @param {number} top */
function lines(series, top) {
  return series.flatMap(({ name, values }, row) => [
    svg('polyline', { points: points(values, top).join(' '), class: 'chart-line', stroke: seriesColor(row) }),
    ...points(values, top).map((point, at) => {
      const [cx, cy] = point.split(',');
      return svg('circle', { cx, cy, r: 3.5, fill: seriesColor(row) }, svg('title', {}, `${name}: ${values[at]}`));
    }),
  ]);
}

/** @param {Series[]} series @param {number} top */
function areas(series, top) {
  const fills = series.map(({ values }, row) => {
    const along = points(values, top);
    const [first, last] = [along[0].split(',')[0], along.at(-1)?.split(',')[0]];
    const outline = [...along, `${last},${y(0)}`, `${first},${y(0)}`].join(' ');
    return svg('polygon', { points: outline, fill: seriesColor(row), opacity: 0.22 });
  });
  return [...fills, ...lines(series, top)];
}

const DRAWERS = { bar: bars, line: lines, area: areas };

/**
 * @param {string} kind bar, line or area
 * @param {string[]} categories
 * @param {Series[]} series
 * @returns {SVGElement}
 */
export function drawAxes(kind, categories, series) {
  const top = ceiling(Math.max(0, ...series.flatMap(({ values }) => values)));
  const shapes = series.length > 0 && categories.length > 0 ? (DRAWERS[kind] ?? bars)(series, top) : [];
  const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: 'chart-svg', role: 'img', 'aria-label': t('chart.kind', { kind }) };
  return svg('svg', box, grid(top), ticks(categories), shapes);
}

/** @param {number} turn 0 to 1, clockwise from the top */
function onCircle(turn) {
  const angle = (turn - 0.25) * 2 * Math.PI;
  return `${100 + 90 * Math.cos(angle)} ${100 + 90 * Math.sin(angle)}`;
}

/**
 * @param {{label: string, value: number}[]} segments
 * @returns {SVGElement}
 */
export function drawPie(segments) {
  const total = segments.reduce((sum, { value }) => sum + value, 0) || 1;
  let turn = 0;
  const slices = segments.map(({ label, value }, index) => {
    // a full circle would begin where it ends and vanish
    const share = Math.min(value / total, 0.9999);
    const path = `M100 100 L${onCircle(turn)} A90 90 0 ${share > 0.5 ? 1 : 0} 1 ${onCircle(turn + share)} Z`;
    turn += share;
    return svg('path', { d: path, fill: seriesColor(index), class: 'chart-slice' }, svg('title', {}, `${label}: ${value}`));
  });
  return svg('svg', { viewBox: '0 0 200 200', class: 'chart-pie', role: 'img', 'aria-label': 'pie chart' }, slices);
}
