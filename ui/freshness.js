// How current the page is, and what to do if it is not.

import { h, html } from './vendor/preact.js';
import { token } from './api.js';
import { clock, duration, t } from './i18n.js';
import { asOf, list } from './list.js';
import { TIMEOUT, now, paused, running, tryAgain } from './live.js';
import { headline } from './parts.js';
import { dialog } from './state.js';

const NAMES = /** @type {const} */ ({
  live: 'live',
  polled: 'polled',
  connecting: 'connecting',
  paused: 'paused',
  failed: 'notLive',
});

/** @returns {keyof typeof NAMES} */
function stateOfList() {
  const freshness = list.freshness.value;
  if (!running.value) return 'paused';
  if (freshness.kind !== 'live') return freshness.kind;
  if (asOf.value === null || now.value - asOf.value / 1000 > TIMEOUT) return 'connecting';
  return freshness.held ? 'live' : 'polled';
}

/** The state in a word, since when the list is as it is shown, and the button that pauses. */
export function LiveState() {
  const toggle = () => {
    paused.value = !paused.value;
  };
  const action = t(paused.value ? 'resume' : 'pause');
  const kind = stateOfList();
  return html`<div class="freshness">
    <span class=${`state ${kind}`} role="status">
      <span class="dot" aria-hidden="true"></span><b>${t(NAMES[kind])}</b></span>
    ${asOf.value !== null && html`<span class="as-of">${t('asOf', { time: clock(asOf.value) })}</span>`}
    <button type="button" aria-keyshortcuts="p" title=${`${action} ( p )`} onClick=${toggle}>${action}</button>
  </div>`;
}

/** What is wrong, if the list cannot be had; faults with the filter are shown at the filter. */
export function Trouble() {
  const state = list.freshness.value;
  if (state.kind !== 'failed' || state.problem.status === 400) return null;
  const { status, texts, trackingId } = state.problem;
  const signIn = () => {
    dialog.value = 'signin';
  };
  // Without a tracking id the response is a gateway's, whose session may have ended.
  const needsSignIn = status === 401 || (status === 403 && !trackingId);
  const signInText = t(token.value ? 'signInAgain' : 'signIn');
  return html`<div class="trouble" role="alert">
    <div><b>${headline(status)}</b> ${texts.map((text) => html`<span key=${text}>${text} </span>`)}
      ${asOf.value !== null && html`<span>${t('shownAsOf', { time: clock(asOf.value) })}</span>`}
      ${trackingId && html`<small>${t('trackingId')} <code>${trackingId}</code></small>`}</div>
    ${state.retryAt !== null && h(Countdown, { to: state.retryAt })}
    ${needsSignIn && html`<button type="button" class="primary" onClick=${signIn}>${signInText}</button>`}
    <button type="button" onClick=${tryAgain}>${t('retryNow')}</button>
  </div>`;
}

/** @param {{ to: number }} props `to` is a time of this clock. */
function Countdown({ to }) {
  void now.value;
  const seconds = Math.max(0, Math.ceil((to - Date.now()) / 1000));
  return html`<span class="retry" aria-live="off">${t('retryIn', { time: duration(seconds) })}</span>`;
}
