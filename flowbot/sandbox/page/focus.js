/**
 * Keeping the keyboard's place when a part of the page is drawn anew.
 * @module
 */

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';

/**
 * @typedef {object} Place
 * @property {string} name
 * @property {string | undefined} actionId
 * @property {string | undefined} blockId
 * @property {string} value
 * @property {[number, number] | null} selection
 */

/** @param {any} node */
function nameOf(node) {
  return node.getAttribute('aria-label') ?? (node.labels?.[0]?.textContent || node.textContent || '');
}

/** @param {any} node @returns {[number, number] | null} */
function selectionOf(node) {
  try {
    return node.selectionStart === null || node.selectionStart === undefined ? null : [node.selectionStart, node.selectionEnd];
  } catch {
    return null;
  }
}

/**
 * @param {Element} root
 * @returns {Place | null} null when the focus is elsewhere
 */
export function rememberFocus(root) {
  const node = /** @type {any} */ (document.activeElement);
  if (!node || node === root || !root.contains(node)) return null;
  const { actionId, blockId } = node.dataset;
  return { name: nameOf(node), actionId, blockId, value: node.value ?? '', selection: selectionOf(node) };
}

/**
 * @param {any} node
 * @param {Place} place
 * @returns {number} how much a control is like the one that had the focus; under 4 it is another one
 */
function likeness(node, place) {
  const { actionId, blockId } = node.dataset;
  const sameAction = place.actionId !== undefined && actionId === place.actionId;
  return (
    (nameOf(node) === place.name ? 4 : 0) +
    (sameAction ? 2 : 0) +
    (sameAction && blockId === place.blockId ? 2 : 0) +
    (place.value !== '' && node.value === place.value ? 1 : 0)
  );
}

/**
 * Focus what is most like the control that had the focus, else its neighbour in the same block, else `fallback`.
 * @param {Element} root
 * @param {Place | null} place
 * @param {HTMLElement} fallback
 */
export function restoreFocus(root, place, fallback) {
  if (!place) return;
  const ranked = [.../** @type {NodeListOf<any>} */ (root.querySelectorAll(FOCUSABLE))]
    .map((node) => ({ node, score: node.disabled ? 0 : likeness(node, place) }))
    .sort((left, right) => right.score - left.score);
  const neighbour = ranked.find(({ node, score }) => score > 0 || (place.blockId && node.dataset.blockId === place.blockId));
  const best = ranked[0]?.score >= 4 ? ranked[0].node : (neighbour?.node ?? fallback);
  best.focus({ preventScroll: true });
  if (place.selection && best.setSelectionRange && best !== fallback) {
    try {
      best.setSelectionRange(...place.selection);
    } catch {
      // number and date fields have no selection
    }
  }
}
