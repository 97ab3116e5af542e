/**
 * The markdown block: ordinary Markdown, as Slack takes it from programs.
 * @module
 */

import { h } from './dom.js';
import { withEmoji } from './emoji.js';
import { link } from './inline.js';

const INLINE =
  /(?<code>`+)(?<codeText>.+?)\k<code>|!?\[(?<label>[^\]]*)\]\((?<url>[^\s)]+)[^)]*\)|<(?<auto>https?:[^>\s]+)>|\*\*(?<bold>.+?)\*\*|__(?<bold2>.+?)__|~~(?<strike>.+?)~~|\*(?<em>[^*\s][^*]*?)\*|(?<![\p{L}\p{N}])_(?<em2>[^_]+?)_(?![\p{L}\p{N}])|\\(?<escaped>[\\`*_{}[\]()#+.!|~>-])/u;

/**
 * @param {Record<string, string | undefined>} groups
 * @returns {Node | string}
 */
function inlineNode(groups) {
  if (groups.codeText !== undefined) return h('code', {}, groups.codeText.trim());
  if (groups.url !== undefined) return link(groups.url, inline(groups.label ?? ''));
  if (groups.auto !== undefined) return link(groups.auto, '');
  if (groups.strike !== undefined) return h('s', {}, inline(groups.strike));
  if (groups.escaped !== undefined) return groups.escaped;
  const bold = groups.bold ?? groups.bold2;
  return bold === undefined ? h('i', {}, inline(groups.em ?? groups.em2 ?? '')) : h('b', {}, inline(bold));
}

/**
 * @param {string} text
 * @returns {(Node | string)[]}
 */
function inline(text) {
  const nodes = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    nodes.push(withEmoji(rest.slice(0, match.index)), inlineNode(match.groups ?? {}));
    rest = rest.slice(match.index + match[0].length);
  }
  nodes.push(withEmoji(rest));
  return nodes;
}

/**
 * Take lines from the front while a test holds.
 * @param {string[]} lines
 * @param {(line: string) => boolean} test
 */
function takeWhile(lines, test) {
  const taken = [];
  while (lines.length > 0 && test(lines[0])) taken.push(/** @type {string} */ (lines.shift()));
  return taken;
}

const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/u;
const BLOCK_START = /^(#{1,6}\s|```|>|\s*([-*+]|\d+[.)])\s|(-{3,}|\*{3,}|_{3,})\s*$)/u;

/** @param {string[]} lines */
function fence(lines) {
  lines.shift();
  const body = takeWhile(lines, (line) => !line.startsWith('```'));
  lines.shift();
  return h('pre', { tabindex: 0 }, body.join('\n'));
}

/** @param {string[]} lines */
function heading(lines) {
  const [, marks, title] = /** @type {RegExpExecArray} */ (/^(#+)\s+(.*)$/u.exec(lines.shift() ?? ''));
  return h('p', { class: `md-heading md-heading-${Math.min(marks.length, 3)}`, role: 'heading', 'aria-level': marks.length + 2 }, inline(title));
}

/** @param {string} content of an item */
function itemContent(content) {
  const task = /^\[([ xX])\]\s+(.*)$/u.exec(content);
  if (!task) return inline(content);
  return [task[1] === ' ' ? '☐ ' : '☑ ', ...inline(task[2])];
}

/**
 * @param {string[]} lines
 * @returns {HTMLElement} one list with those deeper inside its items
 */
function list(lines) {
  const [, indent, mark] = /** @type {RegExpExecArray} */ (ITEM.exec(lines[0]));
  const ordered = /\d/u.test(mark);
  const node = h(ordered ? 'ol' : 'ul', { start: ordered ? Number.parseInt(mark, 10) : null });
  while (lines.length > 0) {
    const match = ITEM.exec(lines[0]);
    if (!match || match[1].length < indent.length) break;
    if (match[1].length > indent.length) (node.lastElementChild ?? node).append(list(lines));
    else {
      lines.shift();
      node.append(h('li', {}, itemContent(match[3])));
    }
  }
  return node;
}

/** @param {string} line */
function cells(line) {
  return line.trim().replace(/^\||\|$/gu, '').split(/(?<!\\)\|/u).map((cell) => cell.trim());
}

/** @param {string[]} lines */
function table(lines) {
  const rows = takeWhile(lines, (line) => line.includes('|'));
  const head = cells(rows[0]).map((cell) => h('th', { scope: 'col' }, inline(cell)));
  const body = rows.slice(2).map((row) => h('tr', {}, cells(row).map((cell) => h('td', {}, inline(cell)))));
  return h('div', { class: 'table-scroll', tabindex: 0 }, h('table', {}, h('thead', {}, h('tr', {}, head)), h('tbody', {}, body)));
}

/** @param {string[]} lines */
function isTable(lines) {
  return lines[0].includes('|') && /^\s*\|?\s*:?-{2,}[-|:\s]*$/u.test(lines[1] ?? '') && lines[1].includes('-');
}

/** @param {string[]} lines */
function quote(lines) {
  const inner = takeWhile(lines, (line) => line.startsWith('>')).map((line) => line.replace(/^> ?/u, ''));
  return h('blockquote', {}, blocks(inner));
}

/** @param {string[]} lines */
function paragraph(lines) {
  const first = /** @type {string} */ (lines.shift());
  const rest = takeWhile(lines, (line) => line.trim() !== '' && !BLOCK_START.test(line));
  return h('p', {}, [first, ...rest].flatMap((line, index) => [index ? h('br') : null, ...inline(line)]));
}

/**
 * @param {string[]} lines at least one; taken from the front
 * @returns {Node}
 */
function block(lines) {
  const line = lines[0];
  if (line.startsWith('```')) return fence(lines);
  if (/^#{1,6}\s/u.test(line)) return heading(lines);
  if (line.startsWith('>')) return quote(lines);
  if (isTable(lines)) return table(lines);
  if (/^(-{3,}|\*{3,}|_{3,})\s*$/u.test(line)) return lines.shift() && h('hr');
  return ITEM.test(line) ? list(lines) : paragraph(lines);
}

/** @param {string[]} lines */
function blocks(lines) {
  const nodes = [];
  while (lines.length > 0) {
    if (lines[0].trim() === '') lines.shift();
    else nodes.push(block(lines));
  }
  return nodes;
}

/**
 * @param {string} source
 * @returns {HTMLElement}
 */
export function markdown(source) {
  return h('div', { class: 'markdown' }, blocks(source.split(/\r?\n/u)));
}
