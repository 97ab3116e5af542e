/**
 * data_visualization: a title, a drawing, a legend, and the numbers as a table for those who do not see the drawing.
 * @module
 */

import { h } from './dom.js';
import { drawAxes, drawPie, seriesColor } from './chart_shapes.js';
import { t } from './words.js';

/**
 * @typedef {{name: string, values: number[]}} Series
 */

/**
 * @param {any} chart
 * @returns {string[]} the names along the horizontal axis
 */
function categoriesOf(chart) {
  return chart.axis_config?.categories ?? chart.series?.[0]?.data.map((point) => point.label) ?? [];
}

/**
 * @param {any} chart
 * @param {string[]} categories
 * @returns {Series[]} values in the order of the categories, 0 where a series has none
 */
function seriesOf(chart, categories) {
  return (chart.series ?? []).map((series) => {
    const byLabel = new Map(series.data.map((point) => [point.label, Number(point.value)]));
    return { name: series.name, values: categories.map((label) => byLabel.get(label) ?? 0) };
  });
}

/** @param {string[]} names */
function legend(names) {
  const items = names.map((name, index) => {
    const dot = h('span', { class: 'legend-dot', 'aria-hidden': 'true' });
    dot.style.backgroundColor = seriesColor(index);
    return h('li', {}, dot, name);
  });
  return h('ul', { class: 'legend' }, items);
}

/**
 * @param {string[]} heads
 * @param {(string | number)[][]} rows
 */
function numbers(heads, rows) {
  return h(
    'details',
    { class: 'chart-numbers' },
    h('summary', {}, t('chart.numbers')),
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, rows.map(([first, ...rest]) => h('tr', {}, h('th', { scope: 'row' }, first), rest.map((cell) => h('td', { class: 'align-right' }, cell))))),
    ),
  );
}

/** @param {any} chart */
function pieParts(chart) {
  const segments = chart.segments.map((segment) => ({ label: segment.label, value: Number(segment.value) }));
  return [drawPie(segments), legend(segments.map(({ label }) => label)), numbers([t('chart.part'), t('chart.value')], segments.map(({ label, value }) => [label, value]))];
}

/** @param {any} chart */
function axisParts(chart) {
  const categories = categoriesOf(chart);
  const series = seriesOf(chart, categories);
  const rows = categories.map((label, at) => [label, ...series.map(({ values }) => values[at])]);
  const axis = chart.axis_config ?? {};
  return [
    axis.y_label ? h('p', { class: 'chart-label' }, axis.y_label) : null,
    drawAxes(chart.type, categories, series),
    axis.x_label ? h('p', { class: 'chart-label chart-label-x' }, axis.x_label) : null,
    legend(series.map(({ name }) => name)),
    numbers([axis.x_label ?? '', ...series.map(({ name }) => name)], rows),
  ];
}

/**
 * @param {any} block
 * @returns {HTMLElement}
 */
export function chart(block) {
  const title = typeof block.title === 'string' ? block.title : (block.title?.text ?? t('chart.chart'));
  const parts = block.chart.type === 'pie' ? pieParts(block.chart) : axisParts(block.chart);
  return h('figure', { class: 'chart', 'aria-label': title }, h('figcaption', {}, title), parts);
}
