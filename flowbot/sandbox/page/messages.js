/**
 * The message list of the channel on show.
 * @module
 */

import { dateOf, dayKey, dayLabel } from './dates.js';
import { h, reconcile } from './dom.js';
import { rememberFocus, restoreFocus } from './focus.js';
import { FormValues } from './form_values.js';
import { drawMessage, newArticle } from './message_view.js';
import { counted } from './words.js';

/** @typedef {import('./message_view.js').Message} Message */

const NEAR_END_PX = 60;
const SAME_PLACE_PX = 3;

/**
 * @typedef {{message: Message, article: HTMLElement, values: FormValues}} Entry
 */

/** Draws messages in order of time, replies folded under their parents. */
export class MessageList {
  /**
   * @param {HTMLElement} log the role="log" element
   * @param {HTMLElement} scroller what scrolls
   * @param {(message: Message, values: FormValues) => import('./surface.js').Surface} surfaceFor
   */
  constructor(log, scroller, surfaceFor) {
    Object.assign(this, { log, scroller, surfaceFor });
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Map<string, HTMLDetailsElement>} */
    this.threads = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.days = new Map();
    scroller.addEventListener('load', () => this.stay && this.toNewest(), true);
    scroller.addEventListener('scroll', () => {
      this.stay = this.rests();
    });
    this.stay = true;
    this.restedAt = 0;
    this.expect();
  }

  /** A reading of the channel begins: what happens from now on is newer than what it will bring. */
  expect() {
    /** @type {Set<string>} */
    this.touched = new Set();
  }

  /**
   * Another channel, or another person.
   * @param {import('./directory.js').Directory} directory
   */
  clear(directory) {
    this.directory = directory;
    this.entries.clear();
    this.days.clear();
    this.newest = null;
    this.arrange();
    this.stay = true;
  }

  atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.follow();
  }

  /** The reader asked for something here: what comes next is shown, unless they go elsewhere meanwhile. */
  follow() {
    this.restedAt = this.scroller.scrollTop;
  }

  /** @returns {boolean} whether the reader is where they were put or where they asked, or at the end */
  rests() {
    return this.atEnd() || Math.abs(this.scroller.scrollTop - this.restedAt) < SAME_PLACE_PX;
  }

  /** The end; or the beginning of the newest message, where that is longer than what can be seen. */
  toNewest() {
    const newest = this.newest?.isConnected ? this.newest : null;
    if (newest && newest.offsetHeight > this.scroller.clientHeight) newest.scrollIntoView({ block: 'start' });
    else this.toEnd();
    this.follow();
  }

  /**
   * Bring a message before the reader's eyes, and the keyboard to it.
   * @param {string} ts
   */
  reveal(ts) {
    const article = this.entries.get(ts)?.article;
    if (!article) return;
    article.tabIndex = -1;
    article.focus({ preventScroll: true });
    article.scrollIntoView({ block: 'start' });
    this.stay = this.atEnd();
  }

  /**
   * The channel as it was when the reading began; what is unchanged stays as it is.
   * @param {Message[]} messages
   */
  load(messages) {
    const wanted = new Set(messages.map(({ ts }) => ts));
    const end = this.stay && (this.entries.size === 0 || this.atEnd());
    for (const [ts, { message }] of this.entries) {
      if (!wanted.has(ts) && !message.author && !this.touched.has(ts)) this.entries.delete(ts);
    }
    for (const message of messages) if (!this.touched.has(message.ts)) this.draw(message);
    this.arrange();
    if (end) this.toEnd();
  }

  /**
   * A new or a changed message.
   * @param {Message} message
   */
  put(message) {
    const isNew = !this.entries.has(message.ts);
    const stay = isNew ? this.rests() : this.atEnd();
    this.touched.add(message.ts);
    const focus = this.draw(message);
    this.arrange();
    const entry = /** @type {Entry} */ (this.entries.get(message.ts));
    if (isNew) this.newest = entry.article;
    if (stay && isNew) this.toNewest();
    else if (stay) this.toEnd();
    this.stay = stay;
    restoreFocus(entry.article, focus, entry.article);
  }

  /** @param {string} ts */
  remove(ts) {
    const hadFocus = this.entries.get(ts)?.article.contains(document.activeElement);
    this.touched.add(ts);
    this.entries.delete(ts);
    this.arrange();
    if (hadFocus) this.scroller.focus({ preventScroll: true });
  }

  /**
   * @param {Message} message
   * @returns {import('./focus.js').Place | null} where the focus was, when it was inside
   */
  draw(message) {
    const known = this.entries.get(message.ts);
    const entry = known ?? { message, article: newArticle(), values: new FormValues() };
    const unchanged = known && JSON.stringify(known.message) === JSON.stringify(message);
    entry.message = message;
    this.entries.set(message.ts, entry);
    if (unchanged) return null;
    const focus = rememberFocus(entry.article);
    drawMessage(entry.article, message, this.surfaceFor(message, entry.values));
    return focus;
  }

  /** Put days, messages and threads where they belong. */
  arrange() {
    const ordered = [...this.entries.values()].sort((left, right) => (left.message.ts < right.message.ts ? -1 : 1));
    const replies = new Map();
    const nodes = [];
    for (const entry of ordered) {
      const parent = this.parentOf(entry.message);
      if (parent) replies.set(parent, [...(replies.get(parent) ?? []), entry]);
      else nodes.push(...this.dayBefore(entry, nodes), entry.article);
    }
    reconcile(this.log, nodes);
    this.arrangeThreads(replies);
  }

  /** @param {Message} message @returns {string | null} the ts of the message it answers, when that is on show */
  parentOf(message) {
    const parent = message.thread_ts;
    return parent && parent !== message.ts && this.entries.has(parent) ? parent : null;
  }

  /**
   * @param {Entry} entry
   * @param {HTMLElement[]} before
   * @returns {HTMLElement[]} the divider of a new day, or nothing
   */
  dayBefore(entry, before) {
    const date = dateOf(entry.message.ts);
    const key = dayKey(date, this.directory.me);
    const divider = this.days.get(key) ?? h('div', { class: 'day' }, h('span', {}, dayLabel(date, this.directory.me)));
    this.days.set(key, divider);
    return before.includes(divider) ? [] : [divider];
  }

  /** @param {Map<string, Entry[]>} replies */
  arrangeThreads(replies) {
    for (const [ts, thread] of this.threads) if (!replies.has(ts)) thread.remove();
    for (const [ts, entries] of replies) {
      const thread = this.threadOf(ts);
      const [summary] = thread.children;
      summary.textContent = counted('message.replies', entries.length);
      reconcile(thread, [/** @type {HTMLElement} */ (summary), ...entries.map(({ article }) => article)]);
      this.entries.get(ts)?.article.querySelector('.message-main')?.append(thread);
    }
  }

  /** @param {string} ts @returns {HTMLDetailsElement} */
  threadOf(ts) {
    const known = this.threads.get(ts);
    if (known) return known;
    const thread = h('details', { class: 'thread', open: true }, h('summary', {}, ''));
    this.threads.set(ts, thread);
    return thread;
  }
}
