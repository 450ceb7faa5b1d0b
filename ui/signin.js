// Signing in: a pasted token, or OpenID Connect (authorization code with PKCE). Tokens stay in memory.

import { computed, effect, h, html, signal, useState } from './vendor/preact.js';
import { config, ready, token } from './api.js';
import { localTime, t } from './i18n.js';
import { Dialog, closeDialog, withValue } from './parts.js';
import { dialog, format, readUrl, view } from './state.js';

/** What survives the way to the issuer and back: nothing that opens anything by itself. */
const PENDING = 'task-status.signin';
/** How long before its end a token is renewed, in seconds. */
const MARGIN = 30;

const refreshToken = signal(/** @type {string | null} */ (null));
/** Why signing in has failed. */
const failure = signal(/** @type {string | null} */ (null));

/** The claims of the token, for display only. */
export const claims = computed(() => {
  try {
    const [, payload] = (token.value ?? '').split('.');
    const text = atob(payload.replace(/-/g, '+').replace(/_/g, '/'));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  } catch {
    return null;
  }
});

/** @param {string | null} given */
function use(given) {
  token.value = given;
  if (given === null) refreshToken.value = null;
  failure.value = null;
}

/** @param {unknown} error */
function fail(error) {
  const why = error instanceof Error ? error.message : '';
  failure.value = t('issuerFailed', { issuer: config.value?.oidc?.issuer ?? '', why });
}

/** The address of the page, where the issuer sends the browser back to. */
const home = () => location.origin + location.pathname;

/** @param {ArrayBuffer | Uint8Array} bytes */
function base64url(bytes) {
  const text = String.fromCharCode(...new Uint8Array(bytes));
  return btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** @param {string} issuer @returns {Promise<Record<string, string>>} */
async function discover(issuer) {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const found = await response.json();
  // Another issuer's document would send the code elsewhere (RFC 9207).
  if (found.issuer !== issuer) throw new Error(`issuer ${found.issuer}`);
  return found;
}

async function signInWithIssuer() {
  const oidc = config.value?.oidc;
  if (!oidc) return;
  try {
    const { authorization_endpoint: endpoint } = await discover(oidc.issuer);
    const [state, verifier] = [randomText(), randomText()];
    const challenge = base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)));
    sessionStorage.setItem(PENDING, JSON.stringify({ state, verifier, query: format(view.value) }));
    const to = new URL(endpoint);
    const parameters = {
      response_type: 'code',
      client_id: oidc.clientId,
      redirect_uri: home(),
      scope: oidc.scope ?? 'openid',
      state,
      code_challenge: challenge,
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value);
    location.assign(to);
  } catch (error) {
    fail(error);
  }
}

/** @param {Record<string, string>} parameters */
async function fetchToken(parameters) {
  const oidc = config.value?.oidc;
  if (!oidc) return;
  const { token_endpoint: endpoint } = await discover(oidc.issuer);
  const body = new URLSearchParams({ client_id: oidc.clientId, ...parameters });
  const response = await fetch(endpoint, { method: 'POST', body });
  const found = await response.json();
  if (!response.ok) throw new Error(found.error_description ?? found.error);
  use(found.access_token);
  refreshToken.value = found.refresh_token ?? refreshToken.value;
}

/** Ends a way back from the issuer, if the page was opened by one. Call it once the settings are there. */
export async function completeSignIn() {
  const given = new URLSearchParams(location.search);
  if (ready.value) return;
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null');
  sessionStorage.removeItem(PENDING);
  history.replaceState(null, '', pending?.query ?? '?');
  readUrl();
  try {
    if (!pending || pending.state !== given.get('state')) throw new Error(t('otherSignIn'));
    const code = given.get('code');
    if (code === null) throw new Error(given.get('error_description') ?? given.get('error') ?? '');
    await fetchToken({ grant_type: 'authorization_code', code, redirect_uri: home(), code_verifier: pending.verifier });
  } catch (error) {
    fail(error);
    dialog.value = 'signin';
  }
  ready.value = true;
}

effect(() => {
  const refresh = refreshToken.value;
  const end = claims.value?.exp;
  if (!refresh || !end) return;
  const renew = () => {
    // If it fails, the next request is refused, and the page says so.
    fetchToken({ grant_type: 'refresh_token', refresh_token: refresh }).catch(() => {});
  };
  // Longer times than 24 days overflow.
  const timer = setTimeout(renew, Math.min(2 ** 31 - 1, Math.max(0, (end - MARGIN) * 1000 - Date.now())));
  return () => clearTimeout(timer);
});

/** The button in the header: signs in, or shows who is signed in and signs out. */
export function Account() {
  if (config.value?.auth !== 'jwt') return null;
  if (token.value === null) {
    const signIn = () => {
      dialog.value = 'signin';
    };
    return html`<button type="button" onClick=${signIn}>${t('signIn')}</button>`;
  }
  const { sub, client_id: client, exp } = claims.value ?? {};
  const until = exp ? t('signedInUntil', { time: localTime(exp * 1000) }) : '';
  return html`<button type="button" title=${until} onClick=${() => use(null)}>
    ${t('signOut')} <bdi>${sub ?? client ?? ''}</bdi></button>`;
}

export function SignInDialog() {
  return h(Dialog, { name: 'signin' }, config.value?.auth === 'jwt' ? h(SignIn, {}) : h(NewSession, {}));
}

/** A gateway signs people in before it lets the page through, also if the service itself asks for nothing. */
function NewSession() {
  return html`<div class="dialog">
    <h2 id="signin-title">${t('signIn')}</h2>
    <p>${t('gatewaySession')}</p>
    <div class="buttons">
      <button type="button" onClick=${closeDialog}>${t('cancel')}</button>
      <button type="button" class="primary" onClick=${() => location.reload()}>${t('reload')}</button>
    </div>
  </div>`;
}

function SignIn() {
  const [given, setGiven] = useState('');
  const oidc = config.value?.oidc;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    use(given.trim().replace(/^Bearer\s+/i, ''));
    closeDialog(event);
  };
  return html`<form class="dialog" onSubmit=${submit}>
    <h2 id="signin-title">${t('signIn')}</h2>
    ${failure.value && html`<p class="problem" role="alert">${failure.value}</p>`}
    ${
      oidc &&
      // Only pages of a secure context can compute the challenge.
      html`<button type="button" class="primary" disabled=${!crypto.subtle} onClick=${signInWithIssuer}>
          ${t('signInWith', { issuer: new URL(oidc.issuer).host })}</button>
        <p class="quiet">${t('orPaste')}</p>`
    }
    <label>${t('token')}
      <textarea rows="4" required spellcheck=${false} autocomplete="off" value=${given}
        onInput=${withValue(setGiven)}></textarea></label>
    <p class="quiet">${t('tokenStays')}</p>
    <div class="buttons">
      <button type="button" onClick=${closeDialog}>${t('cancel')}</button>
      <button type="submit" class=${oidc ? '' : 'primary'}>${t('useToken')}</button>
    </div>
  </form>`;
}
