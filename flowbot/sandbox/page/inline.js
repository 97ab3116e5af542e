/**
 * The inline things that every kind of text shares: links, mentions, dates.
 * @module
 */

import { h } from './dom.js';
import { formatDate, fullTime } from './dates.js';

/** @typedef {import('./directory.js').Directory} Directory */

const SAFE = new Set(['http:', 'https:', 'mailto:', 'tel:']);

/**
 * @param {string} url
 * @returns {string | null} the address, when its scheme can do no harm
 */
export function safeUrl(url) {
  try {
    const parsed = new URL(url);
    return SAFE.has(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} url
 * @param {import('./dom.js').Child} label
 * @returns {HTMLElement} a link that opens elsewhere, or plain text when the address is not safe
 */
export function link(url, label) {
  const href = safeUrl(url);
  if (!href) return h('span', {}, label || url);
  return h('a', { href, target: '_blank', rel: 'noopener noreferrer', title: href }, label || url);
}

/**
 * @param {Directory} directory
 * @param {string} id
 */
export function userMention(directory, id) {
  const mine = id === directory.me.id;
  return h('span', { class: mine ? 'mention mention-me' : 'mention', 'data-user': id }, `@${directory.userName(id)}`);
}

/**
 * @param {Directory} directory
 * @param {string} id
 */
export function channelMention(directory, id) {
  const known = directory.channels.has(id);
  if (!known) return h('span', { class: 'mention' }, `#${id}`);
  return h('a', { class: 'mention', href: `#${id}` }, `#${directory.channelName(id)}`);
}

/**
 * @param {Directory} directory
 * @param {string} id
 */
export function groupMention(directory, id) {
  return h('span', { class: 'mention', 'data-group': id }, `@${directory.groupHandle(id)}`);
}

/** @param {string} range here, channel or everyone */
export function broadcastMention(range) {
  return h('span', { class: 'mention mention-me' }, `@${range}`);
}

/**
 * @param {Directory} directory
 * @param {{timestamp: number, format: string, url?: string, fallback?: string}} date
 */
export function dateText(directory, date) {
  if (!Number.isFinite(date.timestamp)) return h('span', {}, date.fallback ?? '');
  const moment = new Date(date.timestamp * 1000);
  const text = formatDate(date.timestamp, date.format, directory.me);
  const time = h('time', { datetime: moment.toISOString(), title: fullTime(moment, directory.me) }, text);
  return date.url ? link(date.url, time) : time;
}
