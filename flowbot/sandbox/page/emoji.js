/**
 * The common emoji short codes, drawn by the system's own font.
 * @module
 */

const TABLE = `
+1 👍|-1 👎|100 💯|alarm_clock ⏰|arrow_left ⬅️|arrow_right ➡️|arrows_counterclockwise 🔄|bar_chart 📊|bell 🔔
no_bell 🔕|blue_heart 💙|books 📚|broken_heart 💔|bulb 💡|calendar 📅|chart_with_upwards_trend 📈
chart_with_downwards_trend 📉|check ✔️|heavy_check_mark ✔️|white_check_mark ✅|clipboard 📋|clock1 🕐|clock3 🕒|closed_lock_with_key 🔐
construction 🚧|cry 😢|double_vertical_bar ⏸️|pause_button ⏸️|arrow_forward ▶️|earth_africa 🌍|globe_with_meridians 🌐
exclamation ❗|eyes 👀|fire 🔥|gear ⚙️|gift 🎁|green_heart 💚|grey_question ❔|question ❓|heart ❤️|hourglass ⌛
hourglass_flowing_sand ⏳|information_source ℹ️|key 🔑|large_blue_circle 🔵|large_green_circle 🟢|large_orange_circle 🟠
large_yellow_circle 🟡|red_circle 🔴|white_circle ⚪|black_circle ⚫|link 🔗|lock 🔒|unlock 🔓|loudspeaker 📢|mega 📣
mag 🔍|memo 📝|pencil ✏️|pencil2 ✏️|moneybag 💰|muscle 💪|mute 🔇|sound 🔉|no_entry ⛔|no_entry_sign 🚫|ok_hand 👌
package 📦|page_facing_up 📄|paperclip 📎|point_down 👇|point_left 👈|point_right 👉|point_up ☝️|pray 🙏|pushpin 📌
raised_hand ✋|raised_hands 🙌|recycle ♻️|robot_face 🤖|rocket 🚀|rotating_light 🚨|seat 💺|shield 🛡️|shopping_trolley 🛒
slightly_smiling_face 🙂|smile 😄|sob 😭|sparkles ✨|star ⭐|stopwatch ⏱️|sunny ☀️|tada 🎉|thinking_face 🤔|thumbsup 👍
thumbsdown 👎|timer_clock ⏲️|trophy 🏆|wastebasket 🗑️|warning ⚠️|wave 👋|wrench 🔧|x ❌|zap ⚡|zzz 💤
`;

/** @type {Map<string, string>} */
const BY_NAME = new Map(
  TABLE.trim()
    .split(/[|\n]/u)
    .map((entry) => /** @type {[string, string]} */ (entry.split(' '))),
);

const SHORT_CODE = /:([a-z0-9_+'-]+):(?::skin-tone-[2-6]:)?/gu;

/**
 * @param {string} name without colons
 * @returns {string | undefined} the character, when the table has it
 */
export function emoji(name) {
  return BY_NAME.get(name);
}

/**
 * @param {string} text
 * @returns {string} the text with known short codes exchanged
 */
export function withEmoji(text) {
  return text.replace(SHORT_CODE, (code, name) => emoji(name) ?? code);
}
