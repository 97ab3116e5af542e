/**
 * Slack's mrkdwn as a tree. Pure: text in, nodes out; the DOM is made elsewhere.
 *
 * Escapes: `<…>` is read before `&lt;` is decoded, so escaped text can never become an entity.
 * @module
 */

import { emoji } from './emoji.js';

/**
 * @typedef {{type: 'text', text: string} | {type: 'code', text: string} | {type: 'pre', text: string}
 *   | {type: 'bold' | 'italic' | 'strike' | 'quote' | 'line', children: MrkNode[]}
 *   | {type: 'link', url: string, label: string}
 *   | {type: 'user' | 'channel' | 'group' | 'broadcast', id: string, label: string}
 *   | {type: 'date', timestamp: number, format: string, url: string, label: string}} MrkNode
 * @typedef {{node: MrkNode, length: number}} Hit
 * @typedef {{verbatim: boolean}} Options
 */

const STYLES = { '*': 'bold', _: 'italic', '~': 'strike' };
const WORD = /[\p{L}\p{N}]/u;

/** @param {string} text */
export function unescape(text) {
  return text.replace(/&(lt|gt|amp);/gu, (_whole, name) => ({ lt: '<', gt: '>', amp: '&' })[name]);
}

/**
 * @param {RegExp} pattern sticky
 * @param {string} text
 * @param {number} at
 */
function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * @param {string} body what follows <!
 * @param {string} label
 * @returns {MrkNode | null}
 */
function specialEntity(body, label) {
  const [name, ...rest] = body.split('^');
  if (name === 'subteam') return { type: 'group', id: rest[0] ?? '', label };
  if (name === 'date') {
    const [timestamp, format = '', url = ''] = rest;
    return { type: 'date', timestamp: Number(timestamp), format, url, label };
  }
  return ['here', 'channel', 'everyone'].includes(name) ? { type: 'broadcast', id: name, label } : null;
}

/**
 * @param {string} inside the text between < and >
 * @returns {MrkNode | null} null when it is no entity and stands for itself
 */
function entity(inside) {
  const bar = inside.indexOf('|');
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = unescape(bar < 0 ? '' : inside.slice(bar + 1));
  if (/^@[UWB][A-Z0-9]+$/u.test(target)) return { type: 'user', id: target.slice(1), label };
  if (/^#[CDG][A-Z0-9]+$/u.test(target)) return { type: 'channel', id: target.slice(1), label };
  if (target.startsWith('!')) return specialEntity(target.slice(1), label);
  if (/^(https?|mailto|tel):/iu.test(target)) return { type: 'link', url: unescape(target), label };
  return null;
}

/** @type {(text: string, at: number) => Hit | null} */
function readEntity(text, at) {
  const match = matchAt(/<([^<>\n]+)>/uy, text, at);
  const node = match && entity(match[1]);
  return node ? { node, length: match[0].length } : null;
}

/** @type {(text: string, at: number) => Hit | null} */
function readCode(text, at) {
  const match = matchAt(/`([^`\n]+)`/uy, text, at);
  return match && { node: { type: 'code', text: unescape(match[1]) }, length: match[0].length };
}

/** @type {(text: string, at: number) => Hit | null} */
function readEmoji(text, at) {
  const match = matchAt(/:([a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?/uy, text, at);
  const character = match && emoji(match[1]);
  return character ? { node: { type: 'text', text: character }, length: match[0].length } : null;
}

/**
 * @param {string} text
 * @param {number} at just behind the opening mark
 * @param {string} mark
 * @returns {number} where the closing mark stands, or -1
 */
function findClosing(text, at, mark) {
  for (let i = at; i < text.length; i += 1) {
    const skip = text[i] === '<' ? readEntity(text, i) : text[i] === '`' ? readCode(text, i) : null;
    if (skip) i += skip.length - 1;
    else if (text[i] === mark && i > at && !/\s/u.test(text[i - 1]) && !WORD.test(text[i + 1] ?? '')) return i;
  }
  return -1;
}

/** @type {(text: string, at: number, options: Options) => Hit | null} */
function readStyle(text, at, options) {
  const next = text[at + 1] ?? ' ';
  if (WORD.test(text[at - 1] ?? '') || /\s/u.test(next) || next === text[at]) return null;
  const end = findClosing(text, at + 1, text[at]);
  if (end < 0) return null;
  const children = parseInline(text.slice(at + 1, end), options);
  return { node: { type: STYLES[text[at]], children }, length: end + 1 - at };
}

/** @type {(text: string, at: number, options: Options) => Hit | null} */
function readBareLink(text, at, options) {
  if (options.verbatim || WORD.test(text[at - 1] ?? '')) return null;
  const match = matchAt(/https?:\/\/[^\s<>|*`]*[^\s<>|*`.,;:!?)'"\]]/uy, text, at);
  return match && { node: { type: 'link', url: unescape(match[0]), label: '' }, length: match[0].length };
}

/** @type {(text: string, at: number, options: Options) => Hit | null} */
function readBareMention(text, at, options) {
  if (options.verbatim || WORD.test(text[at - 1] ?? '')) return null;
  const match = matchAt(/@(here|channel|everyone)\b/uy, text, at);
  return match && { node: { type: 'broadcast', id: match[1], label: '' }, length: match[0].length };
}

/** Which reader may begin at a character. */
const READERS = {
  '<': readEntity, '`': readCode, ':': readEmoji, '*': readStyle, _: readStyle, '~': readStyle, h: readBareLink,
  '@': readBareMention,
};

/**
 * @param {string} text one line
 * @param {Options} options
 * @returns {MrkNode[]}
 */
export function parseInline(text, options) {
  const nodes = [];
  let plain = '';
  for (let at = 0; at < text.length; ) {
    const hit = READERS[text[at]]?.(text, at, options);
    if (hit) {
      if (plain) nodes.push({ type: 'text', text: unescape(plain) });
      plain = '';
      nodes.push(hit.node);
    } else plain += text[at];
    at += hit ? hit.length : 1;
  }
  if (plain) nodes.push({ type: 'text', text: unescape(plain) });
  return nodes;
}

/**
 * @param {string} text without preformatted parts
 * @param {Options} options
 * @returns {MrkNode[]} lines and quotes
 */
function parseLines(text, options) {
  const nodes = [];
  for (const line of text.split('\n')) {
    const quoted = /^(?:>|&gt;) ?(.*)$/u.exec(line);
    const children = parseInline(quoted ? quoted[1] : line, options);
    const last = nodes.at(-1);
    if (quoted && last?.type === 'quote') last.children.push({ type: 'line', children });
    else if (quoted) nodes.push({ type: 'quote', children: [{ type: 'line', children }] });
    else nodes.push({ type: 'line', children });
  }
  return nodes;
}

/**
 * @param {string} text
 * @param {Partial<Options>} [options]
 * @returns {MrkNode[]} lines, quotes and preformatted parts
 */
export function parseMrkdwn(text, options = {}) {
  const settled = { verbatim: options.verbatim ?? false };
  const parts = text.split(/```\n?([\s\S]*?)\n?```\n?/u);
  return parts.flatMap((part, index) => {
    if (index % 2 === 1) return [{ type: 'pre', text: unescape(part) }];
    const trimmed = index < parts.length - 1 ? part.replace(/\n$/u, '') : part;
    return trimmed ? parseLines(trimmed, settled) : [];
  });
}
