/**
 * Buttons and the overflow menu.
 * @module
 */

import { h } from './dom.js';
import { confirmDialog } from './dialogs.js';
import { icon } from './icons.js';
import { menu } from './menu.js';
import { safeUrl } from './inline.js';
import { marks } from './surface.js';
import { plain } from './text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface @typedef {import('./surface.js').Place} Place */

/** A second press within this time is an accident. */
const GUARD_MS = 350;

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * Run one press: the control is busy until the app has answered, and further presses are dropped.
 * The control stays focusable, so that the keyboard does not lose its place.
 * @param {HTMLElement} node
 * @param {any} confirm
 * @param {Surface} surface
 * @param {() => Promise<void>} work
 */
async function press(node, confirm, surface, work) {
  if (node.getAttribute('aria-busy') === 'true') return;
  node.setAttribute('aria-busy', 'true');
  if (!confirm || (await confirmDialog(confirm, surface.directory))) await Promise.all([work(), pause(GUARD_MS)]);
  node.removeAttribute('aria-busy');
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function button(element, surface, place) {
  const style = element.style ? ` btn-${element.style}` : '';
  const href = element.url ? safeUrl(element.url) : null;
  const work = () =>
    surface.act(place.blockId, element.action_id, { type: 'button', text: element.text, value: element.value });
  const props = {
    ...marks(element, place),
    class: `btn${style}`,
    'aria-label': element.accessibility_label,
    on: { click: (event) => press(event.currentTarget, element.confirm, surface, work) },
  };
  if (href) return h('a', { ...props, href, target: '_blank', rel: 'noopener noreferrer' }, plain(element.text));
  return h('button', { ...props, type: 'button' }, plain(element.text));
}

/**
 * @param {any} element a workflow_button or another button that the stand-in cannot run
 * @returns {HTMLElement}
 */
export function deadButton(element) {
  return h('button', { type: 'button', class: 'btn', disabled: true }, plain(element.text) || element.type);
}

/**
 * @param {any} option
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 */
function overflowItem(option, element, surface, place) {
  const work = () =>
    surface.act(place.blockId, element.action_id, { type: 'overflow', selected_option: option });
  const choose = (event) => {
    const details = event.currentTarget.closest('details');
    details.open = false;
    if (option.url && safeUrl(option.url)) window.open(option.url, '_blank', 'noopener');
    press(details.querySelector('summary'), element.confirm, surface, work);
    details.querySelector('summary').focus();
  };
  const entry = h('button', { type: 'button', on: { click: choose } }, plain(option.text));
  if (option.description) {
    entry.append(h('small', {}, plain(option.description)));
    entry.setAttribute('aria-label', plain(option.text));
    entry.setAttribute('aria-description', plain(option.description));
  }
  return h('li', {}, entry);
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function overflow(element, surface, place) {
  const items = element.options.map((option) => overflowItem(option, element, surface, place));
  const about = plain(element.options[0]?.description);
  const label = { 'aria-label': about ? `${t('field.more')}: ${about}` : t('field.more') };
  const summary = h('summary', { ...marks(element, place), class: 'btn btn-icon', ...label }, icon('more'));
  return menu(summary, items);
}
