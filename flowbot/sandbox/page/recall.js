/**
 * What was sent before, to be brought back by the arrow keys.
 * @module
 */

const MOST = 50;

/** A line of texts and a place in it. */
export class Recall {
  constructor() {
    /** @type {string[]} */
    this.texts = [];
    this.at = 0;
  }

  /** @param {string} text */
  add(text) {
    if (this.texts.at(-1) !== text) this.texts.push(text);
    this.texts = this.texts.slice(-MOST);
    this.at = this.texts.length;
  }

  /** @param {string} text @returns {boolean} is this what was brought back last? */
  isShowing(text) {
    return this.texts[this.at] === text;
  }

  /** @returns {string | null} */
  older() {
    if (this.at === 0) return null;
    this.at -= 1;
    return this.texts[this.at];
  }

  /** @returns {string | null} '' behind the newest */
  newer() {
    if (this.at >= this.texts.length) return null;
    this.at += 1;
    return this.texts[this.at] ?? '';
  }
}
