// Languages: the texts of the page, and how numbers, times and durations are written.

import { computed, effect, signal } from './vendor/preact.js';
import { stored } from './storage.js';
import { en } from './text/en.js';

/** @typedef {keyof typeof en} Key */
/** A text with `{name}` for a value; with several forms if one depends on the number `n`. */
/** @typedef {string | { one: string, other: string }} Text */
/** @typedef {Record<Key, Text>} Texts */

/** Each language in itself. */
export const LANGUAGES = {
  en: 'English', de: 'Deutsch', es: 'Español', fr: 'Français', it: 'Italiano', ja: '日本語', ko: '한국어',
  nl: 'Nederlands', 'pt-BR': 'Português (Brasil)', 'zh-CN': '简体中文',
};

/** @returns {string} */
function preferred() {
  const known = Object.keys(LANGUAGES);
  for (const wanted of navigator.languages) {
    const [base] = wanted.toLowerCase().split('-');
    const found = known.find((language) => language.toLowerCase().split('-')[0] === base);
    if (found) return found;
  }
  return 'en';
}

export const language = stored('language', preferred());
if (!(language.value in LANGUAGES)) language.value = 'en';

const texts = signal(/** @type {Texts} */ (en));
/** The language of `texts`, which follows `language` as soon as its file has come. */
const spoken = signal('en');

effect(() => {
  const wanted = language.value;
  if (wanted === spoken.peek()) return;
  load(wanted);
});

/** @param {string} wanted */
async function load(wanted) {
  const loaded = wanted === 'en' ? en : (await import(`./text/${wanted}.js`)).texts;
  if (language.peek() !== wanted) return;
  texts.value = loaded;
  spoken.value = wanted;
  document.documentElement.lang = wanted;
  document.title = t('title');
}

/**
 * @param {Key} key
 * @param {Record<string, string | number>} [values] Numbers are formatted; `n` chooses the form.
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = texts.value[key];
  const isOne = plural.value.select(Number(values.n)) === 'one';
  const form = typeof text === 'string' ? text : text[isOne ? 'one' : 'other'];
  return form.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === 'number' ? number(value) : String(value);
  });
}

const plural = computed(() => new Intl.PluralRules(spoken.value));
const numbers = computed(() => new Intl.NumberFormat(spoken.value));
const percents = computed(
  () => new Intl.NumberFormat(spoken.value, { style: 'percent', maximumFractionDigits: 1, roundingMode: 'floor' }),
);
const times = computed(() => new Intl.DateTimeFormat(spoken.value, { dateStyle: 'medium', timeStyle: 'medium' }));
const clocks = computed(() => new Intl.DateTimeFormat(spoken.value, { timeStyle: 'medium', hourCycle: 'h23' }));
const minutes = computed(() => new Intl.DateTimeFormat(spoken.value, { timeStyle: 'short', hourCycle: 'h23' }));
const conjunction = computed(() => new Intl.ListFormat(spoken.value, { type: 'conjunction' }));

/** @param {number} value */
export const number = (value) => numbers.value.format(value);
/** A share. @param {number} value From 0 to 1. */
export const percent = (value) => percents.value.format(value);
/** The local date and time. @param {string | number} time */
export const localTime = (time) => times.value.format(new Date(time));
/** The local time of day, with seconds. @param {string | number} time */
export const clock = (time) => clocks.value.format(new Date(time));
/** The local time of day. @param {string | number} time */
export const minute = (time) => minutes.value.format(new Date(time));
/** @param {string[]} items */
export const listed = (items) => conjunction.value.format(items);

const UNITS = /** @type {const} */ ([['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]]);
const units = computed(() => {
  const of = (/** @type {string} */ unit) =>
    new Intl.NumberFormat(spoken.value, { style: 'unit', unit, unitDisplay: 'narrow' });
  return new Map(UNITS.map(([unit]) => [unit, of(unit)]));
});

/**
 * A duration in its one or two largest units.
 *
 * @param {number} seconds
 * @returns {string}
 */
export function duration(seconds) {
  let rest = Math.max(0, Math.floor(seconds));
  const largest = UNITS.findIndex(([, length]) => rest >= length);
  if (largest === -1) return units.value.get('second')?.format(0) ?? '';
  const parts = [];
  // From ten days or ten minutes on, the next smaller unit is noise.
  const count = rest >= 10 * UNITS[largest][1] && largest !== 1 ? 1 : 2;
  for (const [unit, length] of UNITS.slice(largest, largest + count)) {
    const value = Math.floor(rest / length);
    rest -= value * length;
    if (value > 0) parts.push(units.value.get(unit)?.format(value));
  }
  return parts.join(' ');
}
