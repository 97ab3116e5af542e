/**
 * What newcomers are told of the app: a card where a channel begins, and things to send by one press.
 * @module
 */

import { fill, h } from './dom.js';
import { icon } from './icons.js';
import { t } from './words.js';

/**
 * @typedef {{text: string, says: string}} Try
 * @typedef {{label: string, person: string, channel: string}} Door
 * @typedef {{title: string, text: string, tries: Try[], hint: string, doors: Door[]}} Card
 * @typedef {object} Words the guide in one language
 * @property {string} start_as
 * @property {string} command
 * @property {string} help
 * @property {string[]} chips
 * @property {import('./menu.js').Shortcut[]} shortcuts
 * @property {import('./menu.js').WorkflowStep[]} steps
 * @property {import('./commands.js').Command[]} commands
 * @property {Record<string, Card>} cards
 * @typedef {(text: string) => void} Send
 */

/**
 * @param {Door} door
 * @param {string} style
 */
function doorLink({ label, person, channel }, style) {
  const href = `/?as=${encodeURIComponent(person)}#${channel}`;
  const away = h('span', { class: 'visually-hidden' }, ` (${t('guide.new_tab')})`);
  return h('a', { class: style, href, target: '_blank', rel: 'noopener' }, label, away, icon('away'));
}

/** @param {Card | undefined} card @param {string} me */
function doorsFor(card, me) {
  return (card?.doors ?? []).filter(({ person }) => person !== me);
}

/**
 * @param {HTMLElement} root
 * @param {Card | undefined} card
 * @param {{me: string, name: string}} reader who reads it, and what the channel is called
 * @param {Send} send
 */
export function drawCard(root, card, { me, name }, send) {
  const tries = (card?.tries ?? []).map(({ text, says }) =>
    h('li', {}, h('button', { type: 'button', class: 'try', on: { click: () => send(text) } }, text), h('span', { class: 'muted' }, says)),
  );
  const doors = doorsFor(card, me).map((door) => doorLink(door, 'btn'));
  fill(
    root,
    h('h3', { id: 'guide-title', class: 'guide-title' }, card?.title ?? t('place.empty', { name })),
    card ? h('p', {}, card.text) : null,
    tries.length > 0 ? h('ul', { class: 'tries' }, tries) : null,
    doors.length > 0 ? h('div', { class: 'doors' }, card?.hint ? h('p', { class: 'muted' }, card.hint) : null, doors) : null,
  );
  root.classList.toggle('guide-bare', !card);
  root.hidden = false;
}

/**
 * @param {HTMLElement} root
 * @param {Words | null} guide
 * @param {Card | undefined} card of this channel
 * @param {string} me
 * @param {Send} send
 */
export function drawChips(root, guide, card, me, send) {
  const chips = (guide?.chips ?? []).map((text) => h('button', { type: 'button', class: 'chip', on: { click: () => send(text) } }, text));
  fill(root, doorsFor(card, me).map((door) => doorLink(door, 'chip chip-door')), chips);
  root.hidden = root.childElementCount === 0;
}
