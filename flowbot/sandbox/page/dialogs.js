/**
 * Native dialogs that ask one thing or show one thing.
 * @module
 */

import { h, uid } from './dom.js';
import { icon } from './icons.js';
import { plain, text } from './text.js';
import { t } from './words.js';

/**
 * Show a dialog and remove it once it is closed.
 * @param {HTMLDialogElement} dialog
 * @returns {Promise<string>} the value of the button that closed it, '' for Escape
 */
export function showOnce(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/**
 * @param {any} confirm a confirm object
 * @param {import('./directory.js').Directory} directory
 * @returns {Promise<boolean>}
 */
export async function confirmDialog(confirm, directory) {
  const title = uid('confirm');
  const danger = confirm.style === 'danger';
  const yes = `btn ${danger ? 'btn-danger' : 'btn-primary'}`;
  const dialog = h(
    'dialog',
    { class: 'dialog', 'aria-labelledby': title },
    h(
      'form',
      { method: 'dialog' },
      h('h2', { id: title, class: 'dialog-title' }, plain(confirm.title) || t('dialog.sure')),
      h('div', { class: 'dialog-text' }, text(confirm.text, directory)),
      h(
        'div',
        { class: 'dialog-actions' },
        h('button', { class: 'btn', value: '', autofocus: danger }, plain(confirm.deny) || t('dialog.cancel')),
        h('button', { class: yes, value: 'yes', autofocus: !danger }, plain(confirm.confirm) || t('dialog.yes')),
      ),
    ),
  );
  return (await showOnce(dialog)) === 'yes';
}

/**
 * @param {string} title
 * @param {import('./dom.js').Child} body
 * @returns {Promise<string>}
 */
export function infoDialog(title, body) {
  const id = uid('info');
  return showOnce(
    h(
      'dialog',
      { class: 'dialog dialog-wide', 'aria-labelledby': id },
      h(
        'form',
        { method: 'dialog', class: 'dialog-head' },
        h('h2', { id, class: 'dialog-title' }, title),
        h('button', { class: 'icon-btn', 'aria-label': t('dialog.close') }, icon('close')),
      ),
      body,
    ),
  );
}
