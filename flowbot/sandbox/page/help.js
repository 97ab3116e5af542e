/**
 * Keyboard shortcuts and the dialogs behind the small buttons.
 * @module
 */

import { infoDialog } from './dialogs.js';
import { h } from './dom.js';

const SHORTCUTS = [
  ['Enter', 'Send'],
  ['Shift + Enter', 'New line'],
  ['↑ in an empty field', 'Bring back what you sent'],
  ['Alt + ↑ / Alt + ↓', 'Previous or next channel'],
  ['Alt + M', 'Go to the message field'],
  ['?', 'This help'],
  ['Esc', 'Close a dialog or a list'],
];

export function showHelp() {
  const rows = SHORTCUTS.map(([keys, does]) => h('tr', {}, h('th', { scope: 'row' }, h('kbd', {}, keys)), h('td', {}, does)));
  const about = h(
    'p',
    { class: 'dialog-text' },
    'This is a stand-in for Slack that runs on your own machine. Type ',
    h('code', {}, '/flows help'),
    ' to see what the bot can do, and switch person under “You are” to ask as one and approve as another.',
  );
  return infoDialog('Help', h('div', { class: 'dialog-scroll' }, about, h('table', { class: 'shortcuts' }, h('tbody', {}, rows))));
}

/** @param {any} row of /sandbox/log */
function wireRow(row) {
  const toBot = row.direction === 'to_bot';
  const time = typeof row.time === 'number' ? new Date(row.time * 1000) : new Date(row.time);
  return h(
    'tr',
    {},
    h('td', {}, Number.isNaN(time.getTime()) ? String(row.time) : time.toLocaleTimeString('en-GB')),
    h('td', { class: toBot ? 'to-bot' : 'from-bot' }, toBot ? '→ to bot' : '← from bot'),
    h('td', { class: 'what' }, row.what),
    h('td', {}, row.status),
    h('td', { class: 'align-right' }, row.ms === null || row.ms === undefined ? '' : `${Math.round(row.ms)} ms`),
  );
}

/**
 * The last exchanges between the workspace and the bot, newest first.
 * @param {import('./api.js').Api} api
 */
export async function showWire(api) {
  const answer = await api.log();
  const rows = (Array.isArray(answer) ? answer : (answer.log ?? [])).map(wireRow).reverse();
  const heads = ['Time', 'Direction', 'What', 'Status', 'Took'].map((name) => h('th', { scope: 'col' }, name));
  const grid = h('table', { class: 'wire' }, h('thead', {}, h('tr', {}, heads)), h('tbody', {}, rows));
  return infoDialog('Traffic with the bot', h('div', { class: 'dialog-scroll table-scroll', tabindex: 0 }, rows.length > 0 ? grid : h('p', { class: 'dialog-text' }, 'Nothing yet.')));
}

/**
 * @typedef {object} Shortcuts
 * @property {(step: number) => void} moveChannel
 * @property {() => void} focusComposer
 */

/** @param {any} target @returns {boolean} */
function isTyping(target) {
  return /^(INPUT|TEXTAREA|SELECT)$/u.test(target?.tagName ?? '');
}

/** @param {Shortcuts} shortcuts */
export function wireShortcuts({ moveChannel, focusComposer }) {
  const keys = {
    ArrowUp: () => moveChannel(-1),
    ArrowDown: () => moveChannel(1),
    m: focusComposer,
  };
  document.addEventListener('keydown', (event) => {
    // Alt and an arrow open a native select: that comes first
    if (document.querySelector('dialog[open]') || event.target.tagName === 'SELECT') return;
    const action = event.altKey ? keys[event.key] : event.key === '?' && !isTyping(event.target) ? showHelp : null;
    if (!action) return;
    event.preventDefault();
    action();
  });
}
