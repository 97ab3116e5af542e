/**
 * One message as an <article>.
 * @module
 */

import { renderBlocks } from './blocks.js';
import { clock, dateOf, fullTime } from './dates.js';
import { initials } from './directory.js';
import { h } from './dom.js';
import { icon } from './icons.js';
import { messageMenu } from './menu.js';
import { mrkdwn } from './text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface */

/**
 * @typedef {object} Message
 * @property {string} ts
 * @property {string | null} thread_ts
 * @property {string} channel
 * @property {string | null} user
 * @property {boolean} bot
 * @property {string} text
 * @property {any[] | null} blocks
 * @property {boolean} ephemeral
 * @property {boolean} edited
 * @property {number} reply_count
 * @property {string} [author] the name of a voice of the page's own
 */

/**
 * @param {string} name
 * @param {string} color
 * @param {string} [kind]
 * @returns {HTMLElement} initials on a coloured tile
 */
export function avatar(name, color, kind = '') {
  const tile = h('span', { class: `avatar ${kind}`, 'aria-hidden': 'true' }, initials(name));
  tile.style.setProperty('--tile', color);
  return tile;
}

/**
 * @param {Message} message
 * @param {import('./directory.js').Directory} directory
 * @returns {{name: string, color: string, app: boolean}}
 */
function authorOf(message, directory) {
  if (message.author) return { name: message.author, color: 'var(--ink-soft)', app: false };
  if (message.bot) return { name: directory.bot.name, color: 'var(--accent)', app: true };
  const person = directory.people.get(message.user ?? '');
  return { name: directory.userName(message.user ?? ''), color: cssColor(person?.color), app: false };
}

/** @param {string | undefined} color with or without # */
export function cssColor(color) {
  if (!color) return 'var(--ink-soft)';
  return /^[0-9a-f]{6}$/iu.test(color) ? `#${color}` : color;
}

/**
 * @param {Message} message
 * @param {Surface} surface
 */
function head(message, surface) {
  const { directory } = surface;
  const { name, app } = authorOf(message, directory);
  const date = dateOf(message.ts);
  return h(
    'header',
    { class: 'message-head' },
    h('span', { class: 'author' }, name),
    app ? h('span', { class: 'badge' }, t('message.app')) : null,
    h('time', { datetime: date.toISOString(), title: fullTime(date, directory.me) }, clock(date, directory.me)),
    message.edited ? h('span', { class: 'muted small' }, t('message.edited')) : null,
    message.ephemeral || message.author ? null : messageMenu(directory.guide?.shortcuts ?? [], surface.shortcut),
  );
}

/**
 * @param {Message} message
 * @param {Surface} surface
 */
function body(message, surface) {
  if (message.blocks?.length) return renderBlocks(message.blocks, surface);
  return [h('div', { class: 'block-section section-text' }, mrkdwn(message.text ?? '', surface.directory))];
}

/**
 * Make or remake a message's article in place.
 * @param {HTMLElement} article
 * @param {Message} message
 * @param {Surface} surface
 */
export function drawMessage(article, message, surface) {
  const { name, color, app } = authorOf(message, surface.directory);
  article.className = message.ephemeral ? 'message ephemeral' : 'message';
  article.dataset.ts = message.ts;
  article.setAttribute('aria-label', message.ephemeral ? t('message.by_only_you', { name }) : name);
  const note = message.ephemeral ? h('p', { class: 'only-you' }, icon('eye'), t('message.only_you')) : null;
  const content = h('div', { class: 'message-body' }, body(message, surface));
  article.replaceChildren(
    avatar(name, color, app ? 'avatar-app' : ''),
    h('div', { class: 'message-main' }, note, head(message, surface), content),
  );
}

let voices = 0;

/**
 * @param {string} channel
 * @param {string} text mrkdwn
 * @returns {Message} said by the page itself
 */
export function ownMessage(channel, text) {
  voices += 1;
  const ts = `${(Date.now() / 1000).toFixed(3)}9${String(voices).padStart(2, '0')}`;
  const blank = { thread_ts: null, user: null, bot: false, blocks: null, edited: false, reply_count: 0 };
  return { ...blank, ts, channel, text, ephemeral: true, author: t('message.workspace') };
}

/** @returns {HTMLElement} an empty article, focusable by script when its controls are gone */
export function newArticle() {
  return h('article', { class: 'message', tabindex: -1 });
}
