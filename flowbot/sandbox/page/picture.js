/**
 * Pictures. Only those that this machine holds are fetched: the page never asks another host for anything.
 * @module
 */

import { h } from './dom.js';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * @param {string | undefined} source
 * @returns {string | null} the address when it stays on this machine
 */
function localUrl(source) {
  if (!source) return null;
  try {
    const url = new URL(source, location.href);
    const local = url.origin === location.origin || LOOPBACK.has(url.hostname) || url.protocol === 'data:';
    return local ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {any} element holds image_url or slack_file, and alt_text
 * @param {string} [kind] a CSS class
 * @returns {HTMLElement} the picture, or a box with its description
 */
export function picture(element, kind = 'picture') {
  const file = element.slack_file;
  const source = element.image_url ?? file?.url ?? (file?.id && `/sandbox/files/${file.id}`);
  const src = localUrl(source);
  const alt = element.alt_text ?? '';
  const stand = () => h('span', { class: `${kind} picture-missing`, role: 'img', 'aria-label': alt, title: source ?? '' }, alt);
  if (!src) return stand();
  const image = h('img', { class: kind, src, alt, decoding: 'async' });
  image.addEventListener('error', () => image.replaceWith(stand()), { once: true });
  return image;
}
