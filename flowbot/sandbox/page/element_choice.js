/**
 * Checkboxes and radio buttons.
 * @module
 */

import { h, uid } from './dom.js';
import { changed, groupProps, marks } from './surface.js';
import { text } from './text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface @typedef {import('./surface.js').Place} Place */

/**
 * @param {any} option
 * @param {Record<string, unknown>} props of the input
 * @param {Surface} surface
 */
function optionRow(option, props, surface) {
  const description = option.description
    ? h('span', { class: 'choice-description' }, text(option.description, surface.directory))
    : null;
  const label = h('span', {}, h('span', { class: 'choice-text' }, text(option.text, surface.directory)), description);
  return h('label', { class: 'choice' }, h('input', { ...props, value: option.value }), label);
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function checkboxes(element, surface, place) {
  const initial = { type: 'checkboxes', selected_options: element.initial_options ?? [] };
  const current = surface.values.claim(place.blockId, element.action_id, initial).selected_options;
  const checked = new Set(current.map((option) => option.value));
  const change = (event) => {
    const box = event.currentTarget;
    if (box.checked) checked.add(box.value);
    else checked.delete(box.value);
    const selected = element.options.filter((option) => checked.has(option.value));
    changed(element, surface, place, { type: 'checkboxes', selected_options: selected });
  };
  const rows = element.options.map((option) => {
    const props = { type: 'checkbox', checked: checked.has(option.value), ...marks(element, place), on: { change } };
    return optionRow(option, props, surface);
  });
  return h('div', { class: 'choices', role: 'group', ...groupProps(element, place, t('field.options')) }, rows);
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function radioButtons(element, surface, place) {
  const initial = { type: 'radio_buttons', selected_option: element.initial_option ?? null };
  const current = surface.values.claim(place.blockId, element.action_id, initial).selected_option?.value;
  const name = uid('radio');
  const change = (event) => {
    const selected = element.options.find((option) => option.value === event.currentTarget.value);
    changed(element, surface, place, { type: 'radio_buttons', selected_option: selected });
  };
  const rows = element.options.map((option) => {
    const props = { type: 'radio', name, checked: option.value === current, ...marks(element, place), on: { change } };
    return optionRow(option, props, surface);
  });
  return h('div', { class: 'choices', role: 'radiogroup', ...groupProps(element, place, t('field.options')) }, rows);
}
