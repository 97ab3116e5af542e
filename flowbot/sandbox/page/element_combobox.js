/**
 * External selects: a text field whose listbox the app fills while one types.
 * @module
 */

import { fill, h, uid } from './dom.js';
import { icon } from './icons.js';
import { choicesOf, namesOf, valueOf } from './element_select.js';
import { changed, controlProps } from './surface.js';
import { plain } from './text.js';
import { t } from './words.js';

/**
 * @typedef {import('./surface.js').Surface} Surface
 * @typedef {import('./surface.js').Place} Place
 * @typedef {import('./element_select.js').Choice} Choice
 */

const TYPING_PAUSE_MS = 150;
const SLACKS_LEAST_QUERY = 3;

/**
 * @param {any} answer of /sandbox/options
 * @returns {Choice[]}
 */
function flatten(answer) {
  const groups = answer.option_groups ?? [{ options: answer.options ?? [] }];
  return groups.flatMap((group) => choicesOf(group.options));
}

/** One combobox with its listbox. */
class Combobox {
  /**
   * @param {any} element
   * @param {Surface} surface
   * @param {Place} place
   */
  constructor(element, surface, place) {
    Object.assign(this, { element, surface, place });
    this.names = namesOf(element.type);
    this.many = element.type.startsWith('multi_');
    this.least = element.min_query_length ?? SLACKS_LEAST_QUERY;
    this.choices = [];
    this.active = -1;
    this.turn = 0;
    this.claimValue();
    this.build();
    this.showPicked();
  }

  claimValue() {
    const blank = this.many ? [] : null;
    const initial = { type: this.element.type, [this.names.selected]: this.element[this.names.initial] ?? blank };
    const value = this.surface.values.claim(this.place.blockId, this.element.action_id, initial)[this.names.selected];
    this.picked = this.many ? value : value ? [value] : [];
  }

  build() {
    const list = uid('options');
    const hint = plain(this.element.placeholder) || t('field.search');
    this.input = h('input', {
      class: 'control', type: 'text', role: 'combobox', autocomplete: 'off', placeholder: hint, 'aria-expanded': 'false',
      'aria-controls': list, 'aria-autocomplete': 'list', ...controlProps(this.element, this.place, hint),
      on: {
        input: () => this.typed(), focus: () => this.opened(), click: () => this.opened(),
        keydown: (event) => this.key(event), blur: () => this.left(),
      },
    });
    this.list = h('ul', { id: list, role: 'listbox', class: 'listbox', hidden: true });
    this.status = h('p', { class: 'field-status', role: 'status' });
    this.chips = h('ul', { class: 'files', hidden: !this.many });
    this.node = h('div', { class: 'combobox' }, this.chips, this.input, this.list, this.status);
  }

  showPicked() {
    if (!this.many) this.input.value = this.picked.length > 0 ? plain(this.picked[0].text) : '';
    else fill(this.chips, this.picked.map((pick) => this.chip(pick)));
  }

  /** @param {any} pick */
  chip(pick) {
    const name = plain(pick.text);
    const click = () => this.keep(this.picked.filter((other) => valueOf(other) !== valueOf(pick)));
    const off = h('button', { type: 'button', class: 'icon-btn', 'aria-label': t('field.remove', { name }), on: { click } }, icon('close'));
    return h('li', {}, h('span', {}, name), off);
  }

  /** @param {any[]} picked */
  keep(picked) {
    this.picked = picked;
    const value = this.many ? picked : (picked[0] ?? null);
    changed(this.element, this.surface, this.place, { type: this.element.type, [this.names.selected]: value });
    this.showPicked();
  }

  opened() {
    if (this.list.hidden && this.least === 0) this.search('');
  }

  typed() {
    clearTimeout(this.timer);
    const query = this.input.value.trim();
    if (query === '' && !this.many && this.picked.length > 0) this.keep([]);
    if (query.length >= this.least) this.timer = setTimeout(() => this.search(query), TYPING_PAUSE_MS);
    else {
      this.close();
      this.status.textContent = query ? t('field.type_more', { n: this.least }) : '';
    }
  }

  /** @param {string} query */
  async search(query) {
    this.turn += 1;
    const turn = this.turn;
    this.status.textContent = t('field.searching');
    try {
      const answer = await this.surface.options(this.place.blockId, this.element.action_id, query);
      if (turn === this.turn) this.show(flatten(answer));
    } catch (error) {
      if (turn === this.turn) this.status.textContent = t('field.no_choices', { trouble: /** @type {Error} */ (error).message });
    }
  }

  /** @param {Choice[]} choices */
  show(choices) {
    this.status.textContent = choices.length > 0 ? '' : t('field.nothing');
    if (document.activeElement !== this.input) return;
    this.choices = choices;
    fill(this.list, choices.map((choice, index) => this.option(choice, index)));
    this.list.hidden = choices.length === 0;
    this.input.setAttribute('aria-expanded', String(choices.length > 0));
    this.activate(-1);
    if (choices.length > 0) this.list.scrollIntoView({ block: 'nearest' });
  }

  /**
   * @param {Choice} choice
   * @param {number} index
   */
  option(choice, index) {
    // mousedown would move the focus and close the list before the click arrives
    const on = { mousedown: (event) => event.preventDefault(), click: () => this.pick(index) };
    return h('li', { id: uid('option'), role: 'option', 'aria-selected': 'false', on }, choice.label);
  }

  /** @param {number} index -1 for none */
  activate(index) {
    this.active = index;
    [...this.list.children].forEach((node, at) => node.setAttribute('aria-selected', String(at === index)));
    const node = this.list.children[index];
    if (node) {
      this.input.setAttribute('aria-activedescendant', node.id);
      node.scrollIntoView({ block: 'nearest' });
    } else this.input.removeAttribute('aria-activedescendant');
  }

  /** @param {number} index */
  pick(index) {
    const { pick } = this.choices[index];
    this.close();
    if (this.many) this.input.value = '';
    this.keep(this.many ? [...this.picked.filter((other) => valueOf(other) !== valueOf(pick)), pick] : [pick]);
  }

  /** @param {number} step */
  move(step) {
    if (this.list.hidden) this.search(this.input.value.trim());
    else this.activate((this.active + step + this.choices.length) % this.choices.length);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const open = !this.list.hidden;
    const actions = {
      ArrowDown: () => this.move(1),
      ArrowUp: () => this.move(-1),
      Enter: () => this.pick(Math.max(this.active, 0)),
      Escape: () => this.close(),
    };
    const applies = event.key.startsWith('Arrow') || open;
    if (!actions[event.key] || !applies) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
  }

  close() {
    this.turn += 1;
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.activate(-1);
  }

  left() {
    this.close();
    this.status.textContent = '';
    this.showPicked();
  }
}

/**
 * @param {any} element external_select or multi_external_select
 * @param {Surface} surface
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function combobox(element, surface, place) {
  return new Combobox(element, surface, place).node;
}
