/**
 * The page's own words, in the language of the person at the desk.
 * @module
 */

import { ENGLISH } from './words_en.js';
import { TURKISH } from './words_tr.js';

/** @typedef {'en' | 'tr'} Language */

/** @type {Record<Language, Record<string, string>>} */
const WORDS = { en: ENGLISH, tr: TURKISH };
/** @type {Language} */
let spoken = 'en';

/**
 * @param {string | null | undefined} locale such as tr-TR; the browser's where a person has none
 * @returns {Language}
 */
export function languageOf(locale) {
  return (locale || navigator.language).startsWith('tr') ? 'tr' : 'en';
}

/** @returns {Language} the language that the page speaks now */
export function language() {
  return spoken;
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} [values] what stands for the names in braces
 * @returns {string}
 */
export function t(key, values = {}) {
  const words = WORDS[spoken][key];
  if (words === undefined) throw new Error(`The page has no words for ${key}`);
  return words.replace(/\{(\w+)\}/gu, (whole, name) => String(values[name] ?? whole));
}

/**
 * @param {string} key whose singular is `key_one`
 * @param {number} n
 * @returns {string}
 */
export function counted(key, n) {
  return n === 1 ? t(`${key}_one`) : t(key, { n });
}

/**
 * Speak this language from now on; what stands in index.html is said anew.
 * @param {Language} wanted
 */
export function speak(wanted) {
  spoken = wanted;
  document.documentElement.lang = wanted;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
}
