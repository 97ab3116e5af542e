/**
 * Keyboard shortcuts and the dialogs behind the small buttons.
 * @module
 */

import { infoDialog } from './dialogs.js';
import { byId, h } from './dom.js';
import { t } from './words.js';

/** @returns {[string, string][]} keys and what they do */
function shortcuts() {
  return [
    ['Enter', t('help.send')],
    ['Shift + Enter', t('help.new_line')],
    [t('help.in_empty'), t('help.recall')],
    ['Alt + ↑ / Alt + ↓', t('help.channel')],
    ['Alt + M', t('help.message')],
    ['?', t('help.this')],
    ['Esc', t('help.escape')],
  ];
}

/** @param {string} command what shows the bot's own help; may be empty */
export function showHelp(command) {
  const rows = shortcuts().map(([keys, does]) => h('tr', {}, h('th', { scope: 'row' }, h('kbd', {}, keys)), h('td', {}, does)));
  const about = h('p', { class: 'dialog-text' }, t('help.about'), command ? [' ', t('help.commands'), ' ', h('code', {}, command)] : null);
  return infoDialog(t('side.help'), h('div', { class: 'dialog-scroll' }, about, h('table', { class: 'shortcuts' }, h('tbody', {}, rows))));
}

/** @param {any} row of /sandbox/log */
function wireRow(row) {
  const toBot = row.direction === 'to_bot';
  const time = typeof row.time === 'number' ? new Date(row.time * 1000) : new Date(row.time);
  return h(
    'tr',
    {},
    h('td', {}, Number.isNaN(time.getTime()) ? String(row.time) : time.toLocaleTimeString('en-GB')),
    h('td', { class: toBot ? 'to-bot' : 'from-bot' }, t(toBot ? 'traffic.to_bot' : 'traffic.from_bot')),
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
  const heads = ['time', 'direction', 'what', 'status', 'took'].map((name) => h('th', { scope: 'col' }, t(`traffic.${name}`)));
  const grid = h('table', { class: 'wire' }, h('thead', {}, h('tr', {}, heads)), h('tbody', {}, rows));
  return infoDialog(t('traffic.title'), h('div', { class: 'dialog-scroll table-scroll', tabindex: 0 }, rows.length > 0 ? grid : h('p', { class: 'dialog-text' }, t('traffic.nothing'))));
}

/**
 * Wire the buttons for help and traffic.
 * @param {() => string} command what shows the bot's own help
 * @param {() => import('./api.js').Api} api
 * @param {(text: string) => void} say
 */
export function wireHelp(command, api, say) {
  byId('help').addEventListener('click', () => showHelp(command()));
  byId('wire').addEventListener('click', () => showWire(api()).catch((error) => say(error.message)));
}

/**
 * @typedef {object} Shortcuts
 * @property {(step: number) => void} moveChannel
 * @property {() => void} focusComposer
 * @property {() => void} help
 */

/** @param {any} target @returns {boolean} */
function isTyping(target) {
  return /^(INPUT|TEXTAREA|SELECT)$/u.test(target?.tagName ?? '');
}

/** @param {Shortcuts} shortcuts */
export function wireShortcuts({ moveChannel, focusComposer, help }) {
  const keys = {
    ArrowUp: () => moveChannel(-1),
    ArrowDown: () => moveChannel(1),
    m: focusComposer,
  };
  document.addEventListener('keydown', (event) => {
    // Alt and an arrow open a native select: that comes first
    if (document.querySelector('dialog[open]') || event.target.tagName === 'SELECT') return;
    const action = event.altKey ? keys[event.key] : event.key === '?' && !isTyping(event.target) ? help : null;
    if (!action) return;
    event.preventDefault();
    action();
  });
}
