/**
 * The form in which messages and commands are written.
 * @module
 */

import { complete, suggest } from './commands.js';
import { byId, fill, h } from './dom.js';
import { drawChips } from './guide.js';
import { Recall } from './recall.js';
import { t } from './words.js';

const TALLEST_PX = 180;

/** The composer: Enter sends, the arrow up brings back what was sent. */
export class Composer {
  /**
   * @param {(text: string) => Promise<boolean>} send resolves to false when the text should come back
   */
  constructor(send) {
    this.sendText = send;
    this.input = /** @type {HTMLTextAreaElement} */ (byId('message'));
    this.list = byId('suggestions');
    this.recall = new Recall();
    this.active = -1;
    this.commands = [];
    /** @type {import('./guide.js').Words | null} */
    this.guide = null;
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener('input', () => this.typed());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.input.addEventListener('blur', () => this.offer([]));
  }

  /**
   * Another channel, or another person.
   * @param {import('./directory.js').Directory} directory
   * @param {{id: string, name: string}} channel as it is called there
   */
  enter(directory, { id, name }) {
    this.guide = directory.guide;
    this.english = directory.guides.en ?? null;
    this.input.placeholder = t('composer.message_in', { name });
    const first = this.guide?.chips[0];
    fill(byId('composer-hint'), first ? [t('composer.try'), ' ', h('code', {}, first), ' · '] : null, t('composer.keys'));
    drawChips(byId('chips'), this.guide, this.guide?.cards[id], directory.me.id, (text) => this.say(text));
  }

  /** @param {string} text sent as if it had been typed */
  say(text) {
    this.setText(text);
    this.submit();
    this.input.focus();
  }

  /** @param {string} text */
  setText(text) {
    this.input.value = text;
    this.fit();
  }

  fit() {
    this.input.style.height = 'auto';
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, TALLEST_PX)}px`;
  }

  typed() {
    this.fit();
    this.offer(suggest(this.input.value, this.guide, this.english));
  }

  async submit() {
    const text = this.input.value.trim();
    if (text === '') return;
    this.recall.add(text);
    this.offer([]);
    this.setText('');
    const kept = await this.sendText(text);
    if (!kept && this.input.value === '') this.setText(text);
  }

  /** @param {import('./commands.js').Command[]} commands */
  offer(commands) {
    this.commands = commands;
    fill(this.list, commands.map((command, index) => this.option(command, index)));
    this.list.hidden = commands.length === 0;
    this.activate(-1);
  }

  /**
   * @param {import('./commands.js').Command} command
   * @param {number} index
   */
  option(command, index) {
    // mousedown would take the focus from the text field before the click arrives
    const on = { mousedown: (event) => event.preventDefault(), click: () => this.take(index) };
    const words = h('span', {}, h('b', {}, `${this.guide.command} ${command.word}`), ` ${command.arguments}`);
    return h('li', { id: `suggestion-${index}`, role: 'option', 'aria-selected': 'false', on }, words, h('span', { class: 'muted' }, command.says));
  }

  /** @param {number} index -1 for none */
  activate(index) {
    this.active = index;
    [...this.list.children].forEach((node, at) => node.setAttribute('aria-selected', String(at === index)));
    if (index < 0) this.input.removeAttribute('aria-activedescendant');
    else {
      this.input.setAttribute('aria-activedescendant', `suggestion-${index}`);
      this.list.children[index].scrollIntoView({ block: 'nearest' });
    }
  }

  /** @param {number} index */
  take(index) {
    this.setText(complete(this.commands[index], this.guide));
    this.typed();
    this.input.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing || event.altKey) return;
    const handled = this.listKey(event) || this.recallKey(event) || this.sendKey(event);
    if (handled) event.preventDefault();
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  listKey(event) {
    const count = this.commands.length;
    if (count === 0) return false;
    if (event.key === 'ArrowDown') this.activate((this.active + 1) % count);
    else if (event.key === 'ArrowUp') this.activate((this.active - 1 + count) % count);
    else if (event.key === 'Escape') this.offer([]);
    else if (this.active >= 0 && ['Enter', 'Tab'].includes(event.key)) this.take(this.active);
    else return false;
    return true;
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  recallKey(event) {
    if (!['ArrowUp', 'ArrowDown'].includes(event.key)) return false;
    if (this.input.value !== '' && !this.recall.isShowing(this.input.value)) return false;
    const text = event.key === 'ArrowUp' ? this.recall.older() : this.recall.newer();
    if (text === null) return false;
    this.setText(text);
    return true;
  }

  /** @param {KeyboardEvent} event @returns {boolean} */
  sendKey(event) {
    if (event.key !== 'Enter' || event.shiftKey) return false;
    this.submit();
    return true;
  }
}
