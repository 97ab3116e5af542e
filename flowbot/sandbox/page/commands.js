/**
 * The words of /flows, for the composer's suggestions.
 * @module
 */

/** @typedef {{word: string, rest: string, says: string}} Command */

/** @type {[string, string, string, string][]} English, Turkish, arguments, meaning */
const ROWS = [
  ['list', 'liste', '[words] [enabled|disabled] [website:…] [page:N]', 'ten flows a page, newest first'],
  ['show', 'göster', 'ID', 'one flow, whole'],
  ['help', 'yardım', '', 'what you may do here'],
  ['create', 'oluştur', '', 'a form for a new flow'],
  ['edit', 'düzenle', 'ID', 'the form, filled'],
  ['duplicate', 'kopyala', 'ID', 'the form, filled, for a new flow'],
  ['enable', 'etkinleştir', 'ID [reason]', 'asks for approval where it is needed'],
  ['disable', 'durdur', 'ID [reason]', 'stops a flow'],
  ['delete', 'sil', 'ID [reason]', 'asks for approval where it is needed'],
  ['approvals', 'onaylar', '', 'what is waiting'],
  ['history', 'geçmiş', '[ID]', 'who did what, when'],
  ['setup', 'ayarlar', '', 'this channel’s policy, for admins'],
];

/** @type {Command[]} */
const ENGLISH = ROWS.map(([word, , rest, says]) => ({ word, rest, says }));
/** @type {Command[]} */
const TURKISH = ROWS.map(([, word, rest, says]) => ({ word, rest, says }));

/**
 * @param {string} typed
 * @param {string} locale
 * @returns {Command[]} what could follow; none when the command's word is complete
 */
export function suggest(typed, locale) {
  const turkish = locale?.startsWith('tr');
  const begun = /^\/flows (\S*)$/u.exec(typed)?.[1].toLocaleLowerCase(turkish ? 'tr' : 'en');
  if (begun === '' || '/flows'.startsWith(typed || ' ')) return turkish ? TURKISH : ENGLISH;
  if (begun === undefined) return [];
  return (turkish ? [...TURKISH, ...ENGLISH] : ENGLISH).filter(({ word }) => word.startsWith(begun) && word !== begun);
}

/** @param {Command} command @returns {string} the composer's text once it was chosen */
export function complete(command) {
  return `/flows ${command.word}${command.rest ? ' ' : ''}`;
}

/** What the chips under an empty composer send. */
export const CHIPS = ['/flows list', '/flows show 12', '/flows create', '/flows enable 39', '/flows approvals', '/flows help'];
