/**
 * What people typed and chose on one surface (a message, the Home, a form), in Slack's shape.
 *
 * Kept apart from the DOM: a new rendering of the surface finds the values again by block_id and action_id.
 * @module
 */

/** @typedef {{type: string} & Record<string, any>} Value a part of a payload's state.values */

/**
 * @param {string} blockId
 * @param {string} actionId
 */
function keyOf(blockId, actionId) {
  return JSON.stringify([blockId, actionId]);
}

/** The values of one surface. */
export class FormValues {
  constructor() {
    /** @type {Map<string, Value>} */
    this.values = new Map();
    /** @type {Set<string>} */
    this.seen = new Set();
  }

  /** A rendering begins: forget which fields exist. */
  begin() {
    this.seen.clear();
  }

  /** The rendering is over: drop the values of fields that are gone. */
  end() {
    for (const key of this.values.keys()) if (!this.seen.has(key)) this.values.delete(key);
  }

  /**
   * @param {string} blockId
   * @param {string} actionId
   * @param {Value} initial what the element itself says
   * @returns {Value} what was there before, else `initial`
   */
  claim(blockId, actionId, initial) {
    const key = keyOf(blockId, actionId);
    this.seen.add(key);
    const known = this.values.get(key);
    if (known?.type === initial.type) return known;
    this.values.set(key, initial);
    return initial;
  }

  /**
   * @param {string} blockId
   * @param {string} actionId
   * @returns {Value | undefined}
   */
  get(blockId, actionId) {
    return this.values.get(keyOf(blockId, actionId));
  }

  /**
   * @param {string} blockId
   * @param {string} actionId
   * @param {Value} value
   */
  set(blockId, actionId, value) {
    this.values.set(keyOf(blockId, actionId), value);
  }

  /** @returns {Record<string, Record<string, Value>>} by block_id, then action_id */
  snapshot() {
    const all = {};
    for (const [key, value] of this.values) {
      const [blockId, actionId] = JSON.parse(key);
      (all[blockId] ??= {})[actionId] = value;
    }
    return all;
  }
}
