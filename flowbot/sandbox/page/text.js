/**
 * Text objects (plain_text, mrkdwn) and loose mrkdwn as DOM.
 * @module
 */

import { fragment, h } from './dom.js';
import { withEmoji } from './emoji.js';
import { broadcastMention, channelMention, dateText, groupMention, link, userMention } from './inline.js';
import { parseMrkdwn } from './mrkdwn_parse.js';

/**
 * @typedef {import('./directory.js').Directory} Directory
 * @typedef {import('./mrkdwn_parse.js').MrkNode} MrkNode
 * @typedef {{type: 'plain_text' | 'mrkdwn', text: string, emoji?: boolean, verbatim?: boolean}} TextObject
 */

/** @type {Record<string, (node: any, directory: Directory) => Node>} */
const INLINE = {
  text: (node) => document.createTextNode(node.text),
  code: (node) => h('code', {}, node.text),
  bold: (node, directory) => h('b', {}, inline(node.children, directory)),
  italic: (node, directory) => h('i', {}, inline(node.children, directory)),
  strike: (node, directory) => h('s', {}, inline(node.children, directory)),
  link: (node) => link(node.url, node.label),
  user: (node, directory) => userMention(directory, node.id),
  channel: (node, directory) => channelMention(directory, node.id),
  group: (node, directory) => groupMention(directory, node.id),
  broadcast: (node) => broadcastMention(node.id),
  date: (node, directory) => dateText(directory, { ...node, fallback: node.label }),
};

/**
 * @param {MrkNode[]} nodes
 * @param {Directory} directory
 * @returns {Node[]}
 */
function inline(nodes, directory) {
  return nodes.map((node) => INLINE[node.type](node, directory));
}

/**
 * @param {any[]} lines
 * @param {Directory} directory
 * @returns {Node[]} the lines with breaks between them
 */
function joinLines(lines, directory) {
  return lines.flatMap((line, index) => [...(index ? [h('br')] : []), ...inline(line.children, directory)]);
}

/**
 * @param {MrkNode[]} nodes
 * @returns {any[][]} runs of lines, each other block alone
 */
function runs(nodes) {
  const grouped = [];
  for (const node of nodes) {
    const last = grouped.at(-1);
    if (node.type === 'line' && last?.[0].type === 'line') last.push(node);
    else grouped.push([node]);
  }
  return grouped;
}

/**
 * @param {string} text
 * @param {Directory} directory
 * @param {{verbatim?: boolean}} [options]
 * @returns {DocumentFragment}
 */
export function mrkdwn(text, directory, options = {}) {
  const parts = runs(parseMrkdwn(text, options)).map(([first, ...rest]) => {
    if (first.type === 'pre') return h('pre', { tabindex: 0 }, first.text);
    if (first.type === 'quote') return h('blockquote', {}, joinLines(first.children, directory));
    return joinLines([first, ...rest], directory);
  });
  return fragment(parts);
}

/**
 * @param {TextObject | string | null | undefined} object
 * @returns {string} its text without formatting, for names and titles
 */
export function plain(object) {
  if (!object) return '';
  if (typeof object === 'string') return object;
  return object.emoji === false ? object.text : withEmoji(object.text);
}

/**
 * @param {TextObject | string | null | undefined} object
 * @param {Directory} directory
 * @returns {Node}
 */
export function text(object, directory) {
  if (object && typeof object === 'object' && object.type === 'mrkdwn') return mrkdwn(object.text, directory, object);
  return document.createTextNode(plain(object));
}
