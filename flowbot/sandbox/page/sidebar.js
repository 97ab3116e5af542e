/**
 * The side: who one is, where one is, whether the bot is there.
 * @module
 */

import { isDirect, roleOf } from './directory.js';
import { byId, fill, h } from './dom.js';
import { icon } from './icons.js';
import { avatar, cssColor } from './message_view.js';
import { counted, t } from './words.js';

/**
 * @typedef {import('./directory.js').Directory} Directory
 * @typedef {import('./directory.js').Channel} Channel
 */

/** Where the side is no drawer; as in side.css. */
const WIDE = window.matchMedia('(min-width: 761px)');

/** @param {Directory} directory */
export function drawPeople(directory) {
  const people = [...directory.people.values()];
  const select = byId('person');
  fill(select, people.map((person) => h('option', { value: person.id }, [person.real_name || person.name, roleOf(person), directory.handlesOf(person.id)].filter(Boolean).join(' · '))));
  select.value = directory.me.id;
  const { me } = directory;
  const name = me.real_name || me.name;
  fill(
    byId('me'),
    avatar(name, cssColor(me.color)),
    h('span', { class: 'me-text' }, h('b', {}, name), h('span', {}, roleOf(me)), h('span', {}, directory.handlesOf(me.id))),
    icon('down'),
  );
}

/** @param {Channel} channel */
function mark(channel) {
  return isDirect(channel.id) ? 'app' : channel.is_private ? 'lock' : 'hash';
}

/**
 * @param {Channel} channel
 * @param {string} name
 * @param {boolean} current
 * @param {boolean} unread
 */
function channelRow(channel, name, current, unread) {
  const attributes = { href: `#${channel.id}`, class: unread ? 'unread' : '', 'aria-current': current ? 'page' : null };
  const dot = unread ? h('span', { class: 'unread-dot' }, h('span', { class: 'visually-hidden' }, ` ${t('side.unread')}`)) : null;
  const shared = channel.is_shared ? icon('shared') : null;
  return h('li', {}, h('a', attributes, icon(mark(channel)), h('span', {}, name), shared, dot));
}

/**
 * @param {Directory} directory
 * @param {string} current a channel's id, or "home"
 * @param {Set<string>} unread
 */
export function drawChannels(directory, current, unread) {
  const row = (channel) => channelRow(channel, directory.channelName(channel.id), channel.id === current, unread.has(channel.id));
  const all = [...directory.channels.values()];
  fill(byId('channels'), all.filter(({ id }) => !isDirect(id)).map(row));
  fill(byId('direct'), all.filter(({ id }) => isDirect(id)).map(row));
  // tabs of several people are told apart by their titles
  const where = current === 'home' ? t('side.home') : directory.channelName(current);
  document.title = `${directory.userName(directory.me.id)} – ${where} | ${directory.team.name}`;
  const home = byId('home-link');
  if (current === 'home') home.setAttribute('aria-current', 'page');
  else home.removeAttribute('aria-current');
}

/**
 * @param {'online' | 'offline' | 'lost' | 'unknown'} state
 * @param {string} botName
 */
export function drawStatus(state, botName) {
  const words = t(`status.${state}`, { bot: botName });
  const status = byId('bot-status');
  status.dataset.state = state;
  if (status.lastElementChild.textContent !== words) status.lastElementChild.textContent = words;
}

/**
 * @param {Channel} channel
 * @param {string} name
 */
export function drawChannelHead(channel, name) {
  fill(byId('place-title'), icon(mark(channel)), name);
  if (isDirect(channel.id)) {
    fill(byId('place-about'), h('span', { class: 'topic' }, t('place.direct')));
    return;
  }
  fill(
    byId('place-about'),
    channel.is_shared ? h('span', { class: 'badge badge-shared' }, icon('shared'), t('place.shared')) : null,
    h('span', { class: 'topic' }, channel.topic),
    h('span', { class: 'muted members' }, counted('place.members', channel.members.length)),
  );
}

/** @param {string} botName */
export function drawHomeHead(botName) {
  fill(byId('place-title'), icon('home'), t('place.home_title', { bot: botName }));
  fill(byId('place-about'), h('span', { class: 'topic' }, t('place.home')));
}

/** The drawer that the side becomes on a narrow screen. */
export class Drawer {
  constructor() {
    this.toggle = byId('menu');
    this.toggle.addEventListener('click', () => this.open());
    byId('menu-close').addEventListener('click', () => this.close());
    byId('shade').addEventListener('click', () => this.close());
    byId('side').addEventListener('click', (event) => event.target.closest('a') && this.close());
    document.addEventListener('keydown', (event) => event.key === 'Escape' && !document.querySelector('dialog[open]') && this.close());
    WIDE.addEventListener('change', () => this.close());
  }

  get isOpen() {
    return document.body.classList.contains('drawer-open');
  }

  open() {
    this.set(true);
    byId('person').focus();
  }

  close() {
    if (!this.isOpen) return;
    this.set(false);
    this.toggle.focus();
  }

  /** @param {boolean} open */
  set(open) {
    document.body.classList.toggle('drawer-open', open);
    this.toggle.setAttribute('aria-expanded', String(open));
    // what lies under the shade is out of reach for the keyboard too
    byId('main').inert = open;
  }
}
