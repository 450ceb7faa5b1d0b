// Small parts that several others use.

import { computed, html, useMemo } from './vendor/preact.js';
import { now } from './live.js';
import { duration, language, localTime, t } from './i18n.js';

/** @typedef {import('./vendor/preact.js').VNode} VNode */

/** The local time and UTC, as a title. @param {string} time */
export const bothTimes = (time) => `${localTime(time)}\n${time} (UTC)`;

/**
 * How long ago a time was; it keeps moving.
 *
 * @param {{ time: string }} props
 */
export function Age({ time }) {
  const age = useMemo(() => computed(() => duration(now.value - Date.parse(time) / 1000)), [time, language.value]);
  return html`<time dateTime=${time} title=${bothTimes(time)}>${age}</time>`;
}

/**
 * @param {{ percent: number, label: string }} props
 */
export function Progress({ percent, label }) {
  return html`<progress max="100" value=${percent} aria-label=${label}></progress>`;
}

/** Shapes besides the colours, so that neither is needed to tell them apart. */
const SIGNS = /** @type {Record<string, string>} */ ({
  SUCCESS: '✓', WARNING: '!', ERROR: '✕', TERMINATED: '■', TEMPERROR: '↻',
});

/**
 * How a task has ended, or that it is pending.
 *
 * @param {{ status: string | null }} props
 */
export function Status({ status }) {
  const name = status ?? 'PENDING';
  return html`<span class="status ${name.toLowerCase()}"><span aria-hidden="true">${SIGNS[name] ?? '…'}</span>
    ${status ? statusName(status) : t('pending')}</span>`;
}

const STATUS_KEYS = /** @type {const} */ ({
  SUCCESS: 'success', WARNING: 'warning', ERROR: 'error', TERMINATED: 'terminated', TEMPERROR: 'tempError',
});

/** @param {string} status */
export const statusName = (status) =>
  status in STATUS_KEYS ? t(STATUS_KEYS[/** @type {keyof typeof STATUS_KEYS} */ (status)]) : status;

/**
 * What a failed request means, in a few words.
 *
 * @param {number} status
 */
export function headline(status) {
  switch (status) {
    case 0: return t('lost');
    case 401: return t('signedOut');
    case 403: return t('forbidden');
    case 429: return t('tooMany');
    case 503: return t('unavailable');
    default: return t('failed');
  }
}

/** What the server said of a fault, or else what its status means. @param {{ problem: import('./api.js').Problem }} props */
export function Fault({ problem: { status, texts } }) {
  return html`<div class="problem" role="alert">${(texts.length > 0 ? texts : [headline(status)]).map((text) => html`<p key=${text}>${text}</p>`)}</div>`;
}
