/**
 * Who and what the ids of the workspace mean.
 * @module
 */

import { language, t } from './words.js';

/**
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {string} real_name
 * @property {string} title
 * @property {string} locale
 * @property {string} tz
 * @property {string} team_id
 * @property {string} team_name
 * @property {boolean} is_admin
 * @property {boolean} is_external
 * @property {string} color
 */

/**
 * @typedef {object} Channel
 * @property {string} id
 * @property {string} name
 * @property {string} topic
 * @property {boolean} is_private
 * @property {boolean} is_shared
 * @property {string[]} members
 */

/**
 * @template {{id: string}} T
 * @param {T[]} items
 * @returns {Map<string, T>}
 */
function index(items) {
  return new Map(items.map((item) => [item.id, item]));
}

/**
 * @param {string} id
 * @returns {boolean} whether it is the conversation of one person and the bot
 */
export function isDirect(id) {
  return id.startsWith('D');
}

/** Read-only look-ups over one answer of /sandbox/state. */
export class Directory {
  /** @param {any} state */
  constructor(state) {
    this.team = state.team;
    this.bot = state.bot;
    /** @type {Person} */
    this.me = state.me;
    this.people = index(state.people);
    this.groups = index(state.groups ?? []);
    this.channels = index(state.channels);
    /** @type {Record<string, import('./guide.js').Words>} */
    this.guides = state.guide ?? {};
  }

  /** @returns {import('./guide.js').Words | null} the guide in the page's language */
  get guide() {
    return this.guides[language()] ?? this.guides.en ?? null;
  }

  /**
   * @param {string} id
   * @returns {string} the name to show for a person or the bot
   */
  userName(id) {
    if (id === this.bot.user_id) return this.bot.name;
    const person = this.people.get(id);
    return person ? person.real_name || person.name : id;
  }

  /**
   * @param {string} id
   * @returns {string} the handles of the groups that a person is in, such as "@editors @leads"
   */
  handlesOf(id) {
    const mine = [...this.groups.values()].filter((group) => group.users.includes(id));
    return mine.map((group) => `@${group.handle}`).join(' ');
  }

  /**
   * @param {string} id
   * @returns {string} the channel's name; a direct conversation goes by the bot's
   */
  channelName(id) {
    return isDirect(id) ? this.bot.name : (this.channels.get(id)?.name ?? id);
  }

  /** @param {string} id */
  groupHandle(id) {
    return this.groups.get(id)?.handle ?? id;
  }
}

/**
 * @param {Person} person
 * @returns {string} the part the person plays, in words
 */
export function roleOf(person) {
  const parts = [person.title, person.is_admin ? t('role.admin') : '', person.is_external ? t('role.from', { team: person.team_name }) : ''];
  return parts.filter(Boolean).join(', ') || t('role.member');
}

/**
 * @param {string} name
 * @returns {string} one or two letters
 */
export function initials(name) {
  const words = name.trim().split(/\s+/u);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : words;
  return letters.map((word) => [...word][0] ?? '').join('').toLocaleUpperCase();
}
