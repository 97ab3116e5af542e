/**
 * The everyday blocks: header, section, divider, context, actions, image, alert.
 * @module
 */

import { h } from './dom.js';
import { renderElement } from './elements.js';
import { picture } from './picture.js';
import { plain, text } from './text.js';

/** @typedef {import('./surface.js').Surface} Surface */

/** @param {any} block */
export function header(block) {
  return h('h3', { class: 'block-header' }, plain(block.text));
}

export function divider() {
  return h('hr', { class: 'block-divider' });
}

/**
 * @param {any} block
 * @param {Surface} surface
 */
export function section(block, surface) {
  const fields = (block.fields ?? []).map((field) => h('div', { class: 'section-field' }, text(field, surface.directory)));
  const accessory = block.accessory
    ? h('div', { class: 'section-accessory' }, renderElement(block.accessory, surface, { blockId: block.block_id, dispatches: true }))
    : null;
  return h(
    'div',
    { class: 'block-section' },
    h(
      'div',
      { class: 'section-main' },
      block.text ? h('div', { class: 'section-text' }, text(block.text, surface.directory)) : null,
      fields.length > 0 ? h('div', { class: 'section-fields' }, fields) : null,
    ),
    accessory,
  );
}

/**
 * @param {any} block
 * @param {Surface} surface
 */
export function context(block, surface) {
  const items = block.elements.map((element) =>
    element.type === 'image' ? picture(element, 'context-image') : h('span', {}, text(element, surface.directory)),
  );
  return h('div', { class: 'block-context' }, items);
}

/**
 * @param {any} block
 * @param {Surface} surface
 */
export function actions(block, surface) {
  const place = { blockId: block.block_id, dispatches: true };
  return h('div', { class: 'block-actions' }, block.elements.map((element) => renderElement(element, surface, place)));
}

/** @param {any} block */
export function image(block) {
  const caption = block.title ? h('figcaption', {}, plain(block.title)) : null;
  return h('figure', { class: 'block-image' }, caption, picture(block));
}

/**
 * @param {any} block
 * @param {Surface} surface
 */
export function alert(block, surface) {
  const level = ['info', 'warning', 'error', 'success'].includes(block.level) ? block.level : 'default';
  const role = level === 'error' || level === 'warning' ? 'alert' : 'status';
  return h('div', { class: `block-alert alert-${level}`, role }, text(block.text, surface.directory));
}
