/**
 * The words of the app's slash command, for the message field's suggestions.
 * @module
 */

import { language } from './words.js';

/**
 * @typedef {{word: string, arguments: string, says: string}} Command
 * @typedef {import('./guide.js').Words} Words
 */

/**
 * @param {string} typed
 * @param {Words | null} guide in the reader's language
 * @param {Words | null} english whose words everyone may use
 * @returns {Command[]} what could follow; none when the command's word is complete
 */
export function suggest(typed, guide, english) {
  if (!guide) return [];
  const [name, word = '', ...more] = typed.split(' ');
  if (more.length > 0 || (typed.includes(' ') && name !== guide.command)) return [];
  const begun = word.toLocaleLowerCase(language());
  if (begun === '') return guide.command.startsWith(name || ' ') ? guide.commands : [];
  const known = guide === english || !english ? guide.commands : [...guide.commands, ...english.commands];
  return known.filter((command) => command.word.startsWith(begun) && command.word !== begun);
}

/**
 * @param {Command} command
 * @param {Words} guide
 * @returns {string} the message field's text once it was chosen
 */
export function complete(command, guide) {
  return `${guide.command} ${command.word}${command.arguments ? ' ' : ''}`;
}
