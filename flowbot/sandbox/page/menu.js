/**
 * A menu behind a small button, and the app's shortcuts.
 * @module
 */

import { h } from './dom.js';
import { icon } from './icons.js';
import { t } from './words.js';

/**
 * @typedef {{callback_id: string, name: string, of_message: boolean}} Shortcut
 * @typedef {{callback_id: string, name: string, inputs: object}} WorkflowStep
 */

/**
 * Move between the entries by the arrow keys, and close by Escape.
 * @param {KeyboardEvent} event
 * @param {HTMLDetailsElement} details
 */
function moveInMenu(event, details) {
  const step = { ArrowDown: 1, ArrowUp: -1, Escape: 0 }[event.key];
  if (step === undefined || !details.open) return;
  event.preventDefault();
  event.stopPropagation();
  const entries = [...details.querySelectorAll('menu button')];
  const at = entries.indexOf(document.activeElement);
  const next = at < 0 && step < 0 ? entries.length - 1 : (at + step + entries.length) % entries.length;
  if (step === 0) details.open = false;
  (step === 0 ? details.querySelector('summary') : entries[next]).focus();
}

/**
 * Open upwards where there is no room below.
 * @param {HTMLDetailsElement} details
 */
function placeMenu(details) {
  details.classList.remove('upwards');
  const bottom = details.closest('#scroller, dialog')?.getBoundingClientRect().bottom ?? window.innerHeight;
  const isCut = details.open && details.querySelector('menu').getBoundingClientRect().bottom > bottom;
  details.classList.toggle('upwards', isCut);
}

/**
 * @param {HTMLElement} summary the button
 * @param {HTMLElement[]} items
 * @returns {HTMLElement} closed by Escape, and when the focus leaves it
 */
export function menu(summary, items) {
  const details = h('details', { class: 'overflow' }, summary, h('menu', {}, items));
  details.addEventListener('focusout', (event) => {
    if (!details.contains(event.relatedTarget)) details.open = false;
  });
  details.addEventListener('keydown', (event) => moveInMenu(event, details));
  details.addEventListener('toggle', () => placeMenu(details));
  return details;
}

/**
 * @param {Shortcut[]} shortcuts
 * @param {(callbackId: string) => void} run
 * @returns {HTMLElement | null} the menu of a message, where the app has shortcuts for one
 */
export function messageMenu(shortcuts, run) {
  const items = shortcuts.filter((shortcut) => shortcut.of_message).map((shortcut) => {
    const choose = (event) => {
      event.currentTarget.closest('details').open = false;
      run(shortcut.callback_id);
    };
    return h('li', {}, h('button', { type: 'button', on: { click: choose } }, shortcut.name));
  });
  if (items.length === 0) return null;
  const summary = h('summary', { class: 'btn btn-icon', 'aria-label': t('message.menu') }, icon('more'));
  const details = menu(summary, items);
  details.classList.add('message-menu');
  return details;
}

/**
 * @param {string} name
 * @param {() => void} run
 * @returns {HTMLElement}
 */
function sideButton(name, run) {
  return h('button', { type: 'button', class: 'side-btn', on: { click: run } }, name);
}

/**
 * @param {Shortcut[]} shortcuts
 * @param {(callbackId: string) => void} run
 * @returns {HTMLElement[]} a button for each that belongs to no message
 */
export function globalShortcuts(shortcuts, run) {
  return shortcuts.filter((shortcut) => !shortcut.of_message).map((shortcut) => sideButton(shortcut.name, () => run(shortcut.callback_id)));
}

/**
 * @param {WorkflowStep[]} steps
 * @param {(step: WorkflowStep) => void} run
 * @returns {HTMLElement[]} a button for each workflow
 */
export function workflowButtons(steps, run) {
  return steps.map((step) => sideButton(step.name, () => run(step)));
}
