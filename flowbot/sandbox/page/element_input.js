/**
 * Typed inputs: text, number, address, date and time.
 * @module
 */

import { fromWallClock, toWallClock } from './dates.js';
import { h } from './dom.js';
import { changed, controlProps } from './surface.js';
import { plain } from './text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface @typedef {import('./surface.js').Place} Place */

const TYPING_PAUSE_MS = 300;

/**
 * @param {any} element
 * @returns {Record<string, unknown>} native attributes by the element's kind
 */
function inputProps(element) {
  const kinds = {
    number_input: {
      type: 'number', step: element.is_decimal_allowed ? 'any' : '1', min: element.min_value, max: element.max_value,
    },
    url_text_input: { type: 'url', inputmode: 'url' },
    email_text_input: { type: 'email' },
  };
  return kinds[element.type] ?? { type: 'text' };
}

/**
 * @param {HTMLInputElement | HTMLTextAreaElement} node
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 */
function listenToTyping(node, element, surface, place) {
  const triggers = element.dispatch_action_config?.trigger_actions_on ?? ['on_enter_pressed'];
  const value = () => ({ type: element.type, value: node.value === '' ? null : node.value });
  const silently = { ...place, dispatches: false };
  let timer = 0;
  node.addEventListener('input', () => {
    changed(element, surface, silently, value());
    if (!place.dispatches || !triggers.includes('on_character_entered')) return;
    clearTimeout(timer);
    // By then the form may have been sent, and its fields be gone.
    timer = setTimeout(() => node.isConnected && changed(element, surface, place, value()), TYPING_PAUSE_MS);
  });
  node.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !place.dispatches || !triggers.includes('on_enter_pressed')) return;
    event.preventDefault();
    changed(element, surface, place, value());
  });
}

/**
 * @param {any} element plain_text_input, number_input, url_text_input or email_text_input
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function textInput(element, surface, place) {
  const initial = { type: element.type, value: element.initial_value || null };
  const current = surface.values.claim(place.blockId, element.action_id, initial).value ?? '';
  const placeholder = plain(element.placeholder);
  const props = {
    class: 'control', placeholder: placeholder || null, autocomplete: 'off', ...controlProps(element, place, placeholder || t('field.text')),
  };
  const node = element.multiline ? h('textarea', { ...props, rows: 4 }) : h('input', { ...props, ...inputProps(element) });
  node.value = current;
  listenToTyping(node, element, surface, place);
  return node;
}

/** How each picker is named in payloads, and which native input serves it. */
const PICKERS = {
  datepicker: { native: 'date', initial: 'initial_date', selected: 'selected_date', name: 'field.date' },
  timepicker: { native: 'time', initial: 'initial_time', selected: 'selected_time', name: 'field.time' },
  datetimepicker: {
    native: 'datetime-local', initial: 'initial_date_time', selected: 'selected_date_time', name: 'field.date_time',
  },
};

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function picker(element, surface, place) {
  const kind = PICKERS[element.type];
  const moment = element.type === 'datetimepicker';
  const initial = { type: element.type, [kind.selected]: element[kind.initial] ?? null };
  const current = surface.values.claim(place.blockId, element.action_id, initial)[kind.selected];
  const name = plain(element.placeholder) || t(kind.name);
  const node = h('input', { class: 'control', type: kind.native, ...controlProps(element, place, name) });
  const reader = surface.directory.me;
  node.value = moment && current ? toWallClock(current, reader) : (current ?? '');
  node.addEventListener('change', () => {
    const typed = node.value === '' ? null : node.value;
    const picked = moment && typed ? fromWallClock(typed, reader) : typed;
    changed(element, surface, place, { type: element.type, [kind.selected]: picked });
  });
  return node;
}
