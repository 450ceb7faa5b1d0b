// Small parts that several others use.

import { computed, html, useLayoutEffect, useMemo, useRef } from './vendor/preact.js';
import { duration, language, localTime, t } from './i18n.js';
import { now } from './live.js';
import { dialog } from './state.js';

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

/**
 * Hands the text of a field to a function.
 *
 * @param {(value: string) => void} use
 */
export const withValue = (use) => (/** @type {Event} */ event) =>
  use(/** @type {HTMLInputElement} */ (event.currentTarget).value);

/**
 * A choice of one value.
 *
 * @param {object} props
 * @param {string} [props.label] Of a choice without a visible one.
 * @param {string} props.value
 * @param {readonly string[]} props.options
 * @param {(option: string) => string} [props.text] What an option is called.
 * @param {(option: string) => void} props.onChoose
 */
export function Select({ label, value, options, text = (option) => option, onChoose }) {
  return html`<select aria-label=${label} value=${value} onChange=${withValue(onChoose)}>
    ${options.map((option) => html`<option key=${option} value=${option}>${text(option)}</option>`)}
  </select>`;
}

/**
 * A modal dialog, which is there while `dialog` has its name. Its heading has the id `NAME-title`.
 *
 * @param {{ name: NonNullable<typeof dialog.value>, children?: unknown }} props
 */
export function Dialog({ name, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const open = dialog.value === name;
  useLayoutEffect(() => {
    if (open) box.current?.showModal();
  }, [open]);
  const onClose = () => {
    dialog.value = null;
  };
  if (!open) return null;
  return html`<dialog ref=${box} aria-labelledby=${`${name}-title`} onClose=${onClose}>${children}</dialog>`;
}

/** Closes the dialog that a control is in. Then the focus is where it was before. @param {Event} event */
export const closeDialog = (event) => /** @type {Element} */ (event.currentTarget).closest('dialog')?.close();

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

/**
 * What the server said of a fault, or else what its status means.
 *
 * @param {{ problem: import('./api.js').Problem }} props
 */
export function Fault({ problem: { status, texts } }) {
  const said = texts.length > 0 ? texts : [headline(status)];
  return html`<div class="problem" role="alert">${said.map((text) => html`<p key=${text}>${text}</p>`)}</div>`;
}
