/**
 * Which renderer draws which block.
 * @module
 */

import { h } from './dom.js';
import { actions, alert, context, divider, header, image, section } from './blocks_basic.js';
import { card, carousel, container } from './blocks_card.js';
import { chart } from './blocks_chart.js';
import { inputBlock } from './blocks_input.js';
import { dataTable, table } from './blocks_table.js';
import { markdown } from './markdown.js';
import { richText } from './rich_text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface */

/** @type {Record<string, (block: any, surface: Surface) => HTMLElement>} */
const RENDERERS = {
  header,
  divider,
  section,
  context,
  actions,
  image,
  alert,
  card,
  carousel,
  container: (block, surface) => container(block, surface, drawAll),
  rich_text: (block, surface) => richText(block, surface.directory),
  markdown: (block) => markdown(block.text),
  table: (block, surface) => table(block, surface.directory),
  data_table: (block, surface) => dataTable(block, surface.directory),
  data_visualization: chart,
  input: inputBlock,
};

/**
 * One block; one that cannot be drawn is named and does not take its neighbours along.
 * @param {any} block
 * @param {Surface} surface
 * @returns {HTMLElement}
 */
function draw(block, surface) {
  const render = RENDERERS[block.type];
  if (!render) return h('p', { class: 'unknown' }, t('block.unknown', { type: block.type }));
  try {
    return render(block, surface);
  } catch (error) {
    return h('p', { class: 'unknown' }, t('block.malformed', { type: block.type, trouble: /** @type {Error} */ (error).message }));
  }
}

/**
 * @param {any[]} blocks
 * @param {Surface} surface
 * @returns {HTMLElement[]}
 */
function drawAll(blocks, surface) {
  return blocks.map((block) => draw(block, surface));
}

/**
 * Draw all blocks of a surface, and forget the values of fields that are gone.
 * @param {any[]} blocks
 * @param {Surface} surface
 * @returns {HTMLElement[]}
 */
export function renderBlocks(blocks, surface) {
  surface.values.begin();
  const nodes = drawAll(blocks, surface);
  surface.values.end();
  return nodes;
}
