/**
 * Forms: the stack of views that the app opened, its top in a native dialog.
 * @module
 */

import { sentence } from './api.js';
import { renderBlocks } from './blocks.js';
import { fill, h } from './dom.js';
import { rememberFocus, restoreFocus } from './focus.js';
import { checkForm } from './form_check.js';
import { FormValues } from './form_values.js';
import { icon } from './icons.js';
import { plain } from './text.js';
import { t } from './words.js';

/**
 * @typedef {{view: any, values: FormValues, errors: Record<string, string>, trouble: string, depth: number}} Entry
 * @typedef {(container: object, values: FormValues, errors: Record<string, string>) => import('./surface.js').Surface} SurfaceFor
 */

/** The dialog and the views in it. */
export class Modal {
  /**
   * @param {() => import('./api.js').Api} api
   * @param {SurfaceFor} surfaceFor
   */
  constructor(api, surfaceFor) {
    this.api = api;
    this.surfaceFor = surfaceFor;
    /** @type {Entry[]} */
    this.stack = [];
    this.build();
  }

  build() {
    this.title = h('h2', { id: 'form-title', class: 'dialog-title', tabindex: -1 });
    this.body = h('div', { class: 'form-body' });
    this.trouble = h('p', { class: 'form-trouble', role: 'alert', hidden: true });
    this.closing = h('button', { type: 'button', class: 'btn', on: { click: () => this.close(false) } });
    this.submitting = h('button', { type: 'submit', class: 'btn btn-primary' });
    this.clearing = h('button', { type: 'button', class: 'icon-btn', on: { click: () => this.close(true) } }, icon('close'));
    this.form = h(
      'form',
      { novalidate: true, class: 'form' },
      h('div', { class: 'dialog-head' }, this.title, this.clearing),
      this.trouble,
      this.body,
      h('div', { class: 'dialog-actions' }, this.closing, this.submitting),
    );
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.dialog = h('dialog', { class: 'dialog dialog-form', 'aria-labelledby': 'form-title' }, this.form);
    this.dialog.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.close(false);
    });
    // a browser may close a dialog for good when Escape is pressed again and again
    this.dialog.addEventListener('close', () => this.close(true));
    document.body.append(this.dialog);
  }

  /** @returns {Entry | undefined} */
  get top() {
    return this.stack.at(-1);
  }

  /**
   * The app opened, pushed or updated a view.
   * @param {any} view
   * @param {number} depth
   */
  show(view, depth) {
    const at = this.stack.findIndex((entry) => entry.view.id === view.id);
    if (at >= 0) {
      this.stack.length = at + 1;
      Object.assign(this.stack[at], { view, errors: {}, trouble: '' });
      this.draw(true);
      return;
    }
    this.stack = this.stack.filter((entry) => entry.depth < depth);
    this.stack.push({ view, values: new FormValues(), errors: {}, trouble: '', depth });
    this.draw(false);
  }

  /** @param {number} depth how many views remain */
  shrink(depth) {
    const before = this.stack.length;
    this.stack = this.stack.filter((entry) => entry.depth <= depth);
    if (this.stack.length !== before) this.draw(false);
  }

  /** Forget everything, without a word to the app: another person sits down. */
  reset() {
    this.stack = [];
    this.draw(false);
  }

  /** @param {boolean} same is it the same view, drawn anew? */
  draw(same) {
    const entry = this.top;
    if (!entry) {
      if (this.dialog.open) this.dialog.close();
      return;
    }
    const focus = rememberFocus(this.form);
    const scroll = same ? this.body.scrollTop : 0;
    this.drawFrame(entry);
    const surface = this.surfaceFor({ type: 'view', view_id: entry.view.id }, entry.values, entry.errors);
    fill(this.body, renderBlocks(entry.view.blocks ?? [], surface));
    if (!this.dialog.open) this.dialog.showModal();
    this.body.scrollTop = scroll;
    this.placeFocus(same, focus);
  }

  /**
   * @param {boolean} same
   * @param {import('./focus.js').Place | null} focus
   */
  placeFocus(same, focus) {
    if (same && [this.closing, this.submitting].includes(document.activeElement)) return;
    const wanted = this.body.querySelector('[data-autofocus]');
    const first = wanted ?? this.body.querySelector('input, select, textarea') ?? this.title;
    if (same && focus?.blockId) restoreFocus(this.form, focus, first);
    else first.focus();
  }

  /** @param {Entry} entry */
  drawFrame({ view, trouble }) {
    this.title.textContent = plain(view.title);
    this.warn(trouble);
    this.clearing.setAttribute('aria-label', t('dialog.close_form'));
    this.closing.textContent = plain(view.close) || t('dialog.cancel');
    this.submitting.hidden = !view.submit;
    this.submitting.textContent = plain(view.submit);
    this.submitting.removeAttribute('aria-busy');
  }

  /**
   * @param {Entry} entry
   * @param {Record<string, string>} errors
   * @param {string} [trouble] what concerns the whole form
   */
  refuse(entry, errors, trouble = '') {
    Object.assign(entry, { errors, trouble });
    if (entry !== this.top) return;
    this.draw(true);
    const wrong = this.body.querySelector('.field-wrong');
    wrong?.scrollIntoView({ block: 'center' });
    wrong?.querySelector('input, select, textarea, button')?.focus();
  }

  /** @param {string} trouble shown without drawing the form anew */
  warn(trouble) {
    this.trouble.textContent = trouble;
    this.trouble.hidden = trouble === '';
  }

  async submit() {
    const entry = this.top;
    if (!entry?.view.submit || this.submitting.getAttribute('aria-busy') === 'true') return;
    if (this.form.querySelector('input[type=file][aria-busy=true]')) {
      this.warn(t('form.file_underway'));
      return;
    }
    const errors = checkForm(entry.view.blocks ?? [], entry.values);
    if (Object.keys(errors).length > 0) {
      this.refuse(entry, errors);
      return;
    }
    this.submitting.setAttribute('aria-busy', 'true');
    await this.deliver(entry);
    this.submitting.removeAttribute('aria-busy');
  }

  /** @param {Entry} entry */
  async deliver(entry) {
    try {
      const answer = await this.api().submitView(entry.view.id, entry.values.snapshot());
      if (answer.response_action === 'errors') this.refuse(entry, answer.errors ?? {}, this.homeless(entry, answer.errors));
      else this.settle(entry);
    } catch (error) {
      this.refuse(entry, {}, t('form.not_lost', { trouble: sentence(error) }));
    }
  }

  /**
   * @param {Entry} entry
   * @param {Record<string, string>} [errors]
   * @returns {string} errors whose field is not in the form
   */
  homeless(entry, errors = {}) {
    const known = new Set(entry.view.blocks.map((block) => block.block_id));
    return Object.entries(errors).filter(([id]) => !known.has(id)).map(([, message]) => message).join(' ');
  }

  /** @param {Entry} entry its submission was taken: old errors are void */
  settle(entry) {
    const stale = Object.keys(entry.errors).length > 0 || entry.trouble !== '';
    Object.assign(entry, { errors: {}, trouble: '' });
    if (stale && entry === this.top) this.draw(true);
  }

  /** @param {boolean} clear all views, not only the top one */
  close(clear) {
    const entry = this.top;
    if (!entry) return;
    const all = clear || entry.view.clear_on_close === true;
    this.stack = all ? [] : this.stack.slice(0, -1);
    this.draw(false);
    this.api().closeView(entry.view.id, all).catch(() => {
      // the view is gone for the person either way; a workspace that forgot it has nothing to be told
    });
  }
}
