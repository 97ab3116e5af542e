/**
 * The file input: each file is handed to the workspace at once, the form carries its id.
 * @module
 */

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { changed, controlProps } from './surface.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface @typedef {import('./surface.js').Place} Place */

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/**
 * @param {any} file
 * @param {() => void} remove
 */
function fileRow(file, remove) {
  const off = h('button', { type: 'button', class: 'icon-btn', 'aria-label': t('field.remove', { name: file.name }), on: { click: remove } }, icon('close'));
  return h('li', {}, h('span', {}, file.name), h('span', { class: 'muted' }, size(file.size)), off);
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function fileInput(element, surface, place) {
  const initial = { type: 'file_input', files: [] };
  const most = element.max_files ?? 10;
  const list = h('ul', { class: 'files' });
  const status = h('p', { class: 'field-status', role: 'status' });
  const accept = (element.filetypes ?? []).map((kind) => `.${kind}`).join(',') || null;
  const node = h('input', {
    class: 'control', type: 'file', accept, multiple: most > 1, ...controlProps(element, place, t('field.file')),
  });
  const files = () => surface.values.claim(place.blockId, element.action_id, initial).files;
  const keep = (next) => {
    changed(element, surface, place, { type: 'file_input', files: next });
    show();
  };
  const show = () =>
    fill(list, files().map((file) => fileRow(file, () => keep(files().filter((other) => other.id !== file.id)))));
  const add = async (file) => {
    const uploaded = await surface.upload(file);
    keep([...(most > 1 ? files() : []), uploaded].slice(0, most));
  };
  node.addEventListener('change', () => takeFiles(node, status, add));
  show();
  return h('div', { class: 'file-input' }, node, list, status);
}

/**
 * @param {HTMLInputElement} node
 * @param {HTMLElement} status
 * @param {(file: File) => Promise<void>} add
 */
async function takeFiles(node, status, add) {
  node.setAttribute('aria-busy', 'true');
  status.textContent = t('field.uploading');
  try {
    for (const file of node.files ?? []) await add(file);
    status.textContent = '';
  } catch (error) {
    status.textContent = t('field.not_uploaded', { trouble: /** @type {Error} */ (error).message });
  }
  node.value = '';
  node.removeAttribute('aria-busy');
}
