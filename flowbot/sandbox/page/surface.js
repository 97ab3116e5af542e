/**
 * What renderers need to know about the place they draw on, and how a control speaks to it.
 * @module
 */

import { confirmDialog } from './dialogs.js';

/**
 * @typedef {object} Surface
 * @property {import('./directory.js').Directory} directory
 * @property {import('./form_values.js').FormValues} values
 * @property {Record<string, string>} errors a sentence for each block_id that was refused
 * @property {(blockId: string, actionId: string, element: object) => Promise<void>} act never rejects
 * @property {(blockId: string, actionId: string, query: string) => Promise<any>} options
 * @property {(file: File) => Promise<any>} upload
 * @property {(callbackId: string) => Promise<void>} shortcut runs one of the app's for this message; never rejects
 */

/**
 * @typedef {object} Field how an input block ties its label, hint and error to the control
 * @property {string} id
 * @property {string} labelId
 * @property {string} describedBy
 * @property {boolean} invalid
 * @property {boolean} required
 */

/**
 * @typedef {object} Place
 * @property {string} blockId
 * @property {boolean} dispatches does a change reach the app at once?
 * @property {Field} [field]
 */

/**
 * @param {any} element
 * @param {Place} place
 * @returns {Record<string, unknown>} the attributes by which a control is found again after a new rendering
 */
export function marks(element, place) {
  return { 'data-block-id': place.blockId, 'data-action-id': element.action_id };
}

/**
 * Attributes for a single native control.
 * @param {any} element
 * @param {Place} place
 * @param {string} fallbackName its name where no input block labels it
 * @returns {Record<string, unknown>}
 */
export function controlProps(element, place, fallbackName) {
  const { field } = place;
  const named = field
    ? {
        id: field.id,
        'aria-describedby': field.describedBy || null,
        'aria-invalid': field.invalid ? 'true' : null,
        'aria-required': field.required ? 'true' : null,
      }
    : { 'aria-label': element.accessibility_label ?? fallbackName };
  return { ...marks(element, place), ...named, 'data-autofocus': element.focus_on_load === true };
}

/**
 * Attributes for a group of controls.
 * @param {any} element
 * @param {Place} place
 * @param {string} fallbackName
 * @returns {Record<string, unknown>}
 */
export function groupProps(element, place, fallbackName) {
  const { field } = place;
  if (!field) return { 'aria-label': element.accessibility_label ?? fallbackName };
  return {
    id: field.id,
    'aria-labelledby': field.labelId,
    'aria-describedby': field.describedBy || null,
    'aria-invalid': field.invalid ? 'true' : null,
  };
}

/**
 * Keep a new value and tell the app, where this place does that.
 * @param {any} element
 * @param {Surface} surface
 * @param {Place} place
 * @param {import('./form_values.js').Value} value
 * @returns {Promise<boolean>} false when the person declined the confirmation
 */
export async function changed(element, surface, place, value) {
  const before = surface.values.get(place.blockId, element.action_id);
  surface.values.set(place.blockId, element.action_id, value);
  if (!place.dispatches) return true;
  if (element.confirm && !(await confirmDialog(element.confirm, surface.directory))) {
    if (before) surface.values.set(place.blockId, element.action_id, before);
    return false;
  }
  await surface.act(place.blockId, element.action_id, value);
  return true;
}
