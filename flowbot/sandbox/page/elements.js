/**
 * Which renderer draws which block element.
 * @module
 */

import { button, deadButton, overflow } from './element_button.js';
import { checkboxes, radioButtons } from './element_choice.js';
import { combobox } from './element_combobox.js';
import { fileInput } from './element_file.js';
import { picker, textInput } from './element_input.js';
import { multiSelect, select } from './element_select.js';
import { h } from './dom.js';
import { picture } from './picture.js';

/** @typedef {import('./surface.js').Surface} Surface @typedef {import('./surface.js').Place} Place */

/** @type {Record<string, (element: any, surface: Surface, place: Place) => HTMLElement>} */
const RENDERERS = {
  button,
  overflow,
  workflow_button: deadButton,
  image: (element) => picture(element, 'thumb'),
  static_select: select,
  users_select: select,
  channels_select: select,
  conversations_select: select,
  external_select: combobox,
  multi_static_select: multiSelect,
  multi_users_select: multiSelect,
  multi_channels_select: multiSelect,
  multi_conversations_select: multiSelect,
  multi_external_select: combobox,
  checkboxes,
  radio_buttons: radioButtons,
  datepicker: picker,
  timepicker: picker,
  datetimepicker: picker,
  plain_text_input: textInput,
  number_input: textInput,
  url_text_input: textInput,
  email_text_input: textInput,
  file_input: fileInput,
};

/** Elements made of several controls: a <label for> cannot name them. */
const GROUPS = /^(multi_(?!external)|checkboxes|radio_buttons)/u;

/** @param {string} type */
export function isGroup(type) {
  return GROUPS.test(type);
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function renderElement(element, surface, place) {
  const render = RENDERERS[element.type];
  return render ? render(element, surface, place) : h('span', { class: 'unknown' }, `[${element.type}]`);
}
