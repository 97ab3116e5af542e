/**
 * What the workspace itself refuses before it asks the app: missing and malformed fields.
 * @module
 */

import { t } from './words.js';

/** @typedef {import('./form_values.js').Value} Value */

/** @param {Value | undefined} value @returns {boolean} */
function isEmpty(value) {
  if (!value) return true;
  const parts = Object.entries(value).filter(([key]) => key !== 'type');
  return parts.every(([, part]) => part === null || part === '' || (Array.isArray(part) && part.length === 0));
}

/** @param {any} element @param {string} typed */
function numberError(element, typed) {
  const number = Number(typed);
  if (!Number.isFinite(number)) return t('form.number');
  if (!element.is_decimal_allowed && !Number.isInteger(number)) return t('form.whole');
  if (element.min_value !== undefined && number < Number(element.min_value)) return t('form.least', { n: element.min_value });
  if (element.max_value !== undefined && number > Number(element.max_value)) return t('form.most', { n: element.max_value });
  return '';
}

/** @param {any} element @param {string} typed */
function lengthError(element, typed) {
  if (element.min_length && typed.length < element.min_length) return t('form.short', { n: element.min_length });
  if (element.max_length && typed.length > element.max_length) {
    return t('form.long', { n: element.max_length, typed: typed.length });
  }
  return '';
}

/** @param {any} _element @param {string} typed */
function urlError(_element, typed) {
  return /^https?:\/\/[^\s/]+/iu.test(typed) && URL.canParse(typed) ? '' : t('form.url');
}

/** @param {any} _element @param {string} typed */
function emailError(_element, typed) {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/u.test(typed) ? '' : t('form.email');
}

/** @type {Record<string, (element: any, typed: string) => string>} */
const CHECKS = {
  number_input: numberError, plain_text_input: lengthError, url_text_input: urlError, email_text_input: emailError,
};

/**
 * @param {any[]} blocks
 * @param {import('./form_values.js').FormValues} values
 * @returns {Record<string, string>} a sentence for each block_id that is refused
 */
export function checkForm(blocks, values) {
  const errors = {};
  for (const block of blocks.filter(({ type }) => type === 'input')) {
    const value = values.get(block.block_id, block.element.action_id);
    const empty = isEmpty(value);
    const refusal = empty
      ? block.optional ? '' : t('form.required')
      : (CHECKS[block.element.type]?.(block.element, String(value?.value)) ?? '');
    if (refusal) errors[block.block_id] = refusal;
  }
  return errors;
}
