/**
 * Selects with choices known beforehand: static, people, channels, conversations; one or several.
 * @module
 */

import { h } from './dom.js';
import { changed, controlProps, groupProps, marks } from './surface.js';
import { plain } from './text.js';
import { t } from './words.js';

/** @typedef {import('./surface.js').Surface} Surface @typedef {import('./surface.js').Place} Place */

/**
 * @typedef {{value: string, label: string, pick: any}} Choice `pick` is what the payload carries
 * @typedef {{label: string, choices: Choice[]}} Group
 */

/** @param {any[]} options @returns {Choice[]} */
export function choicesOf(options) {
  return options.map((option) => ({ value: option.value, label: plain(option.text), pick: option }));
}

/** @param {Iterable<any>} items @param {(item: any) => string} name @returns {Choice[]} */
function idChoices(items, name) {
  return [...items].map((item) => ({ value: item.id, label: name(item), pick: item.id }));
}

/** @type {Record<string, (element: any, surface: Surface) => Group[]>} */
const SOURCES = {
  static_select: (element) =>
    element.option_groups
      ? element.option_groups.map((group) => ({ label: plain(group.label), choices: choicesOf(group.options) }))
      : [{ label: '', choices: choicesOf(element.options ?? []) }],
  users_select: (_element, { directory }) => [
    { label: '', choices: idChoices(directory.people.values(), (person) => directory.userName(person.id)) },
  ],
  channels_select: (_element, { directory }) => [
    { label: '', choices: idChoices(directory.channels.values(), (channel) => `#${channel.name}`) },
  ],
};
SOURCES.conversations_select = SOURCES.channels_select;

/**
 * An id that the person cannot see (a channel they are not in) is chosen all the same.
 * @param {Group[]} groups
 * @param {any[]} picks
 * @returns {Group[]} with those picks that no group has
 */
function withUnknown(groups, picks) {
  const known = new Set(groups.flatMap((group) => group.choices.map((choice) => choice.value)));
  const unknown = picks.filter((pick) => pick && !known.has(valueOf(pick)));
  const choices = unknown.map((pick) => ({ value: valueOf(pick), label: plain(pick.text) || valueOf(pick), pick }));
  return choices.length > 0 ? [...groups, { label: t('field.before'), choices }] : groups;
}

const PARTS = {
  static_select: 'option', external_select: 'option', users_select: 'user', channels_select: 'channel',
  conversations_select: 'conversation',
};

/**
 * @param {string} type
 * @returns {{base: string, initial: string, selected: string}} the payload's names for one or several choices
 */
export function namesOf(type) {
  const many = type.startsWith('multi_');
  const base = many ? type.slice('multi_'.length) : type;
  const part = many ? `${PARTS[base]}s` : PARTS[base];
  return { base, initial: `initial_${part}`, selected: `selected_${part}` };
}

/** @param {any} pick @returns {string} */
export function valueOf(pick) {
  return typeof pick === 'string' ? pick : (pick?.value ?? '');
}

/**
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function select(element, surface, place) {
  const names = namesOf(element.type);
  const initial = { type: element.type, [names.selected]: element[names.initial] ?? null };
  const picked = surface.values.claim(place.blockId, element.action_id, initial)[names.selected];
  const current = valueOf(picked);
  const groups = withUnknown(SOURCES[names.base](element, surface), [picked]);
  const hint = plain(element.placeholder) || t('field.choose');
  const node = h('select', { class: 'control', ...controlProps(element, place, hint) });
  node.append(h('option', { value: '' }, hint));
  for (const group of groups) node.append(...optionNodes(group));
  node.value = current;
  node.addEventListener('change', async () => {
    const pick = groups.flatMap((group) => group.choices).find((choice) => choice.value === node.value)?.pick ?? null;
    const done = await changed(element, surface, place, { type: element.type, [names.selected]: pick });
    if (!done) node.value = current;
  });
  return node;
}

/** @param {Group} group @returns {HTMLElement[]} */
function optionNodes(group) {
  const nodes = group.choices.map((choice) => h('option', { value: choice.value }, choice.label));
  return group.label ? [h('optgroup', { label: group.label }, nodes)] : nodes;
}

/**
 * Several choices: a list of checkboxes, which everybody knows how to use.
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function multiSelect(element, surface, place) {
  const names = namesOf(element.type);
  const initial = { type: element.type, [names.selected]: element[names.initial] ?? [] };
  const picked = surface.values.claim(place.blockId, element.action_id, initial)[names.selected];
  const chosen = new Map(picked.map((pick) => [valueOf(pick), pick]));
  const toggle = (choice, on) => {
    if (on) chosen.set(choice.value, choice.pick);
    else chosen.delete(choice.value);
    changed(element, surface, place, { type: element.type, [names.selected]: [...chosen.values()] });
  };
  const rows = withUnknown(SOURCES[names.base](element, surface), picked).map((group) => [
    group.label ? h('div', { class: 'choice-group' }, group.label) : null,
    group.choices.map((choice) => choiceRow(choice, chosen.has(choice.value), marks(element, place), toggle)),
  ]);
  const name = plain(element.placeholder) || t('field.choose_several');
  return h('div', { class: 'control choice-list', role: 'group', ...groupProps(element, place, name) }, rows);
}

/**
 * @param {Choice} choice
 * @param {boolean} checked
 * @param {Record<string, unknown>} marked
 * @param {(choice: Choice, on: boolean) => void} toggle
 */
function choiceRow(choice, checked, marked, toggle) {
  const on = { change: (event) => toggle(choice, event.currentTarget.checked) };
  const box = h('input', { type: 'checkbox', ...marked, value: choice.value, checked, on });
  return h('label', { class: 'choice' }, box, h('span', {}, choice.label));
}
