// How current the page is, and what to do if it is not.

import { html } from './vendor/preact.js';
import { token } from './api.js';
import { clock, duration, t } from './i18n.js';
import { list } from './list.js';
import { attempt, now, paused, running } from './live.js';
import { headline } from './parts.js';
import { dialog } from './state.js';

/** @typedef {import('./live.js').Freshness} Freshness */

/** @param {Freshness} freshness @param {boolean} isRunning @returns {'live' | 'polled' | 'connecting' | 'paused' | 'failed'} */
function kindOf(freshness, isRunning) {
  if (!isRunning) return 'paused';
  if (freshness.kind === 'live') return freshness.held ? 'live' : 'polled';
  return freshness.kind;
}

const NAMES = /** @type {const} */ ({ live: 'live', polled: 'polled', connecting: 'connecting', paused: 'paused', failed: 'notLive' });

/** The state in a word, since when the list is as it is shown, and the button that pauses. */
export function LiveState() {
  const kind = kindOf(list.freshness.value, running.value);
  const asOf = list.asOf.value;
  return html`<div class="freshness">
    <span class=${`state ${kind}`} role="status"><span class="dot" aria-hidden="true"></span><b>${t(NAMES[kind])}</b></span>
    ${asOf !== null && html`<span class="as-of">${t('asOf', { time: clock(asOf) })}</span>`}
    <button type="button" aria-pressed=${paused.value} aria-keyshortcuts="p" title=${`${t(paused.value ? 'resume' : 'pause')} ( p )`} onClick=${() => { paused.value = !paused.value; }}>
      ${t(paused.value ? 'resume' : 'pause')}</button>
  </div>`;
}

/** What is wrong, if the list cannot be had; faults with the filter are shown at the filter. */
export function Trouble() {
  const state = list.freshness.value;
  if (state.kind !== 'failed' || state.problem.status === 400) return null;
  const { status, texts, trackingId } = state.problem;
  const seconds = state.retryAt === null ? null : Math.ceil((state.retryAt - Date.now()) / 1000);
  void now.value;
  const signIn = status === 401;
  return html`<div class="trouble" role="alert">
    <div><b>${headline(status)}</b> ${texts.map((text) => html`<span key=${text}>${text} </span>`)}
      ${list.asOf.value !== null && html`<span>${t('shownAsOf', { time: clock(list.asOf.value) })}</span>`}
      ${trackingId && html`<small>${t('trackingId')} <code>${trackingId}</code></small>`}</div>
    ${seconds !== null && html`<span class="retry" aria-live="off">${t('retryIn', { time: duration(Math.max(0, seconds)) })}</span>`}
    ${signIn && html`<button type="button" class="primary" onClick=${() => { dialog.value = 'signin'; }}>${t(token.value ? 'signInAgain' : 'signIn')}</button>`}
    <button type="button" onClick=${() => { attempt.value += 1; }}>${t('retryNow')}</button>
  </div>`;
}
