/**
 * The rich_text block, whole.
 * @module
 */

import { h } from './dom.js';
import { emoji } from './emoji.js';
import { broadcastMention, channelMention, dateText, groupMention, link, userMention } from './inline.js';

/** @typedef {import('./directory.js').Directory} Directory */

const STYLE_TAGS = { code: 'code', bold: 'b', italic: 'i', strike: 's', underline: 'u' };
const BULLETS = ['disc', 'circle', 'square'];
const NUMBERS = ['decimal', 'lower-alpha', 'lower-roman'];

/**
 * @param {any} element an emoji; `unicode` holds code points in hexadecimal, joined by dashes
 * @returns {string}
 */
function emojiText(element) {
  if (!element.unicode) return emoji(element.name) ?? `:${element.name}:`;
  return String.fromCodePoint(...element.unicode.split('-').map((code) => Number.parseInt(code, 16)));
}

/** @param {string} value a CSS colour such as #FF0000 */
function swatch(value) {
  const box = h('span', { class: 'swatch', 'aria-hidden': 'true' });
  box.style.backgroundColor = value;
  return h('code', {}, box, value);
}

/** @type {Record<string, (element: any, directory: Directory) => Node | string>} */
const ELEMENTS = {
  text: (element) => element.text,
  link: (element) => link(element.url, element.text),
  emoji: (element) => emojiText(element),
  user: (element, directory) => userMention(directory, element.user_id),
  usergroup: (element, directory) => groupMention(directory, element.usergroup_id),
  channel: (element, directory) => channelMention(directory, element.channel_id),
  broadcast: (element) => broadcastMention(element.range),
  date: (element, directory) => dateText(directory, element),
  color: (element) => swatch(element.value),
};

/**
 * @param {any} element
 * @param {Directory} directory
 * @returns {Node | string}
 */
function renderElement(element, directory) {
  const render = ELEMENTS[element.type];
  let node = render ? render(element, directory) : `[${element.type}]`;
  for (const [style, tag] of Object.entries(STYLE_TAGS)) {
    if (element.style?.[style]) node = h(tag, {}, node);
  }
  return node;
}

/**
 * @param {any[]} list_
 * @param {Directory} directory
 */
function elements(list_, directory) {
  return (list_ ?? []).map((element) => renderElement(element, directory));
}

/**
 * @param {any} part a rich_text_list
 * @param {Directory} directory
 */
function list(part, directory) {
  const indent = part.indent ?? 0;
  const ordered = part.style === 'ordered';
  const items = part.elements.map((item) => h('li', {}, elements(item.elements, directory)));
  const start = ordered && part.offset ? part.offset + 1 : null;
  const node = h(ordered ? 'ol' : 'ul', { class: part.border ? 'rt-list rt-border' : 'rt-list', start }, items);
  node.style.setProperty('--indent', String(indent));
  node.style.listStyleType = (ordered ? NUMBERS : BULLETS)[indent % 3];
  return node;
}

/** @type {Record<string, (part: any, directory: Directory) => Node>} */
const PARTS = {
  rich_text_section: (part, directory) => h('div', { class: 'rt-section' }, elements(part.elements, directory)),
  rich_text_list: list,
  rich_text_quote: (part, directory) => h('blockquote', {}, elements(part.elements, directory)),
  rich_text_preformatted: (part, directory) => h('pre', { tabindex: 0 }, elements(part.elements, directory)),
};

/**
 * @param {any} block
 * @param {Directory} directory
 * @returns {HTMLElement}
 */
export function richText(block, directory) {
  const parts = block.elements.map((part) => PARTS[part.type]?.(part, directory) ?? null);
  return h('div', { class: 'rich-text' }, parts);
}
