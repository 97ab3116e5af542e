/**
 * The app's Home.
 * @module
 */

import { renderBlocks } from './blocks.js';
import { h } from './dom.js';
import { rememberFocus, restoreFocus } from './focus.js';
import { FormValues } from './form_values.js';
import { t } from './words.js';

/** What the app shows to one person alone. */
export class Home {
  /**
   * @param {HTMLElement} root
   * @param {(values: FormValues) => import('./surface.js').Surface} surfaceFor
   */
  constructor(root, surfaceFor) {
    this.root = root;
    this.surfaceFor = surfaceFor;
    this.values = new FormValues();
    /** How often a view was shown: who asked for one sees whether another came meanwhile. */
    this.times = 0;
  }

  /** @param {any} view */
  show(view) {
    this.times += 1;
    const focus = rememberFocus(this.root);
    this.root.replaceChildren(...renderBlocks(view.blocks ?? [], this.surfaceFor(this.values)));
    restoreFocus(this.root, focus, this.root);
  }

  blank() {
    if (this.root.childElementCount === 0) this.root.replaceChildren(h('p', { class: 'muted' }, t('home.blank')));
  }

  /** @param {string} sentence */
  trouble(sentence) {
    this.root.querySelector('.form-trouble')?.remove();
    this.root.prepend(h('p', { class: 'form-trouble', role: 'alert' }, sentence));
  }

  reset() {
    this.values = new FormValues();
    this.root.replaceChildren();
  }
}
