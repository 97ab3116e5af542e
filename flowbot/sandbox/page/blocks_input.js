/**
 * The input block: label, control, hint, error.
 * @module
 */

import { h, uid } from './dom.js';
import { isGroup, renderElement } from './elements.js';
import { plain } from './text.js';
import { t } from './words.js';

/**
 * @param {any} block
 * @param {import('./surface.js').Surface} surface
 * @returns {{field: import('./surface.js').Field, hintId: string, errorId: string, error: string}}
 */
function fieldOf(block, surface) {
  const error = surface.errors[block.block_id] ?? '';
  const [id, labelId, hintId, errorId] = ['field', 'label', 'hint', 'error'].map((part) => uid(part));
  const described = [block.hint ? hintId : '', error ? errorId : ''].filter(Boolean).join(' ');
  const field = { id, labelId, describedBy: described, invalid: Boolean(error), required: !block.optional };
  return { field, hintId, errorId, error };
}

/**
 * @param {any} block
 * @param {import('./surface.js').Surface} surface
 * @returns {HTMLElement}
 */
export function inputBlock(block, surface) {
  const { field, hintId, errorId, error } = fieldOf(block, surface);
  const place = { blockId: block.block_id, dispatches: block.dispatch_action === true, field };
  const group = isGroup(block.element.type);
  const label = h(group ? 'span' : 'label', { id: field.labelId, class: 'field-label', for: group ? null : field.id }, plain(block.label));
  return h(
    'div',
    { class: error ? 'field field-wrong' : 'field' },
    h('div', { class: 'field-head' }, label, block.optional ? h('span', { class: 'muted' }, t('form.optional')) : null),
    renderElement(block.element, surface, place),
    block.hint ? h('p', { id: hintId, class: 'field-hint' }, plain(block.hint)) : null,
    error ? h('p', { id: errorId, class: 'field-error', role: 'alert' }, error) : null,
  );
}
