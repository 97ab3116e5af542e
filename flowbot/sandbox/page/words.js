/**
 * The page's own words, in the language of the person at the desk.
 * @module
 */

import { WORDS as ENGLISH } from './words_en.js';

/** @type {Record<string, Record<string, string>>} by a language's code */
const WORDS = { en: ENGLISH };
let spoken = 'en';

/**
 * Read the words of these languages; English is there from the beginning.
 * @param {string[]} languages by their codes
 */
export async function learn(languages) {
  const unknown = languages.filter((code) => !Object.hasOwn(WORDS, code));
  const modules = await Promise.all(unknown.map((code) => import(`./words_${code}.js`)));
  for (const [at, code] of unknown.entries()) WORDS[code] = modules[at].WORDS;
}

/**
 * @param {string | null | undefined} locale such as tr-TR; the browser's where a person has none
 * @returns {string} the code of the language to speak: English where there are no other words
 */
export function languageOf(locale) {
  const [code] = (locale || navigator.language).split('-');
  return Object.hasOwn(WORDS, code) ? code : 'en';
}

/** @returns {string} the language that the page speaks now */
export function language() {
  return spoken;
}

/**
 * @param {string} key
 * @param {Record<string, unknown>} [values] what stands for the names in braces
 * @returns {string}
 */
export function t(key, values = {}) {
  const words = WORDS[spoken][key] ?? ENGLISH[key];
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
 * @param {string} wanted
 */
export function speak(wanted) {
  spoken = wanted;
  document.documentElement.lang = wanted;
  for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll('[data-t-label]')) node.setAttribute('aria-label', t(node.dataset.tLabel));
}
