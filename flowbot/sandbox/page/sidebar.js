/**
 * The side: who one is, where one is, whether the bot is there.
 * @module
 */

import { isDirect, roleOf } from './directory.js';
import { byId, fill, h } from './dom.js';
import { icon } from './icons.js';
import { avatar, cssColor } from './message_view.js';

/**
 * @typedef {import('./directory.js').Directory} Directory
 * @typedef {import('./directory.js').Channel} Channel
 */

/** @param {Directory} directory */
export function drawPeople(directory) {
  const people = [...directory.people.values()];
  const select = byId('person');
  fill(select, people.map((person) => h('option', { value: person.id }, `${person.real_name || person.name} (${roleOf(person)})`)));
  select.value = directory.me.id;
  const { me } = directory;
  const name = me.real_name || me.name;
  fill(
    byId('me'),
    avatar(name, cssColor(me.color)),
    h('span', { class: 'me-text' }, h('b', {}, name), h('span', {}, roleOf(me)), h('span', {}, directory.handlesOf(me.id))),
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
  const dot = unread ? h('span', { class: 'unread-dot' }, h('span', { class: 'visually-hidden' }, ' unread')) : null;
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
  const home = byId('home-link');
  if (current === 'home') home.setAttribute('aria-current', 'page');
  else home.removeAttribute('aria-current');
}

/**
 * @param {'online' | 'offline' | 'lost' | 'unknown'} state
 * @param {string} botName
 */
export function drawStatus(state, botName) {
  const words = {
    online: `${botName} is online`,
    offline: `${botName} is offline`,
    lost: 'Connection lost, trying again…',
    unknown: `Waiting for ${botName}…`,
  };
  const status = byId('bot-status');
  status.dataset.state = state;
  if (status.lastElementChild.textContent !== words[state]) status.lastElementChild.textContent = words[state];
}

/**
 * @param {Channel} channel
 * @param {string} name
 */
export function drawChannelHead(channel, name) {
  fill(byId('place-title'), icon(mark(channel)), name);
  if (isDirect(channel.id)) {
    fill(byId('place-about'), h('span', { class: 'topic' }, 'What the app tells you alone'));
    return;
  }
  const count = channel.members.length;
  fill(
    byId('place-about'),
    channel.is_shared ? h('span', { class: 'badge badge-shared' }, icon('shared'), 'Shared with another company') : null,
    h('span', { class: 'topic' }, channel.topic),
    h('span', { class: 'muted members' }, `${count} ${count === 1 ? 'member' : 'members'}`),
  );
}

/** @param {string} botName */
export function drawHomeHead(botName) {
  fill(byId('place-title'), icon('home'), `${botName} Home`);
  fill(byId('place-about'), h('span', { class: 'topic' }, 'What the app shows to you alone'));
}

/** Wire the drawer that the side becomes on a narrow screen. */
export function wireDrawer() {
  const [toggle, side] = [byId('menu'), byId('side')];
  const set = (open) => {
    document.body.classList.toggle('drawer-open', open);
    toggle.setAttribute('aria-expanded', String(open));
  };
  toggle.addEventListener('click', () => {
    set(!document.body.classList.contains('drawer-open'));
    if (document.body.classList.contains('drawer-open')) byId('person').focus();
  });
  byId('shade').addEventListener('click', () => set(false));
  side.addEventListener('click', (event) => event.target.closest('a') && set(false));
  side.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !document.body.classList.contains('drawer-open')) return;
    set(false);
    toggle.focus();
  });
}
