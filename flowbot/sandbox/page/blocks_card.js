/**
 * Cards, carousels and containers.
 * @module
 */

import { h } from './dom.js';
import { renderElement } from './elements.js';
import { picture } from './picture.js';
import { richText } from './rich_text.js';
import { plain, text } from './text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface */

/**
 * @param {any} block
 * @param {Surface} surface
 */
function cardHead(block, surface) {
  if (!block.icon && !block.title && !block.subtitle) return null;
  return h(
    'div',
    { class: 'card-head' },
    block.icon ? picture(block.icon, 'card-icon') : null,
    h(
      'div',
      {},
      block.title ? h('div', { class: 'card-title' }, text(block.title, surface.directory)) : null,
      block.subtitle ? h('div', { class: 'card-subtitle' }, text(block.subtitle, surface.directory)) : null,
    ),
  );
}

/**
 * @param {any} block
 * @param {Surface} surface
 * @returns {HTMLElement}
 */
export function card(block, surface) {
  const place = { blockId: block.block_id, dispatches: true };
  const buttons = (block.actions ?? []).map((element) => renderElement(element, surface, place));
  return h(
    'div',
    { class: 'card', role: 'group', 'aria-label': plain(block.title) || t('card.card') },
    block.hero_image ? picture(block.hero_image, 'card-hero') : null,
    cardHead(block, surface),
    block.body ? h('div', { class: 'card-body' }, text(block.body, surface.directory)) : null,
    buttons.length > 0 ? h('div', { class: 'block-actions' }, buttons) : null,
  );
}

/**
 * @param {any} block
 * @param {Surface} surface
 * @returns {HTMLElement}
 */
export function carousel(block, surface) {
  const cards = block.elements.map((element) => h('li', {}, card({ ...element, block_id: element.block_id ?? block.block_id }, surface)));
  return h('ul', { class: 'carousel', tabindex: 0, 'aria-label': t('card.cards', { n: cards.length }) }, cards);
}

/**
 * @param {any} block
 * @param {Surface} surface
 */
function containerHead(block, surface) {
  const title = block.rich_text_title ? richText(block.rich_text_title, surface.directory) : plain(block.title);
  return [
    block.icon ? picture(block.icon, 'card-icon') : null,
    h(
      'span',
      {},
      h('span', { class: 'card-title' }, title),
      block.subtitle ? h('span', { class: 'card-subtitle' }, text(block.subtitle, surface.directory)) : null,
    ),
  ];
}

/**
 * @param {any} block
 * @param {Surface} surface
 * @param {(blocks: any[], surface: Surface) => Node[]} renderAll
 * @returns {HTMLElement}
 */
export function container(block, surface, renderAll) {
  const style = `container container-${block.width ?? 'standard'}${block.has_header_divider ? ' container-line' : ''}`;
  const inner = h('div', { class: 'container-body' }, renderAll(block.child_blocks ?? [], surface));
  const head = containerHead(block, surface);
  if (!block.is_collapsible) return h('section', { class: style }, h('div', { class: 'card-head' }, head), inner);
  return h('details', { class: style, open: !block.default_collapsed }, h('summary', { class: 'card-head' }, head), inner);
}
