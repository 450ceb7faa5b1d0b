// Requests to the API, below the folder of the page, so that they work behind any path prefix.

import { signal } from './vendor/preact.js';
import { language } from './i18n.js';
import { parse } from './json.js';

/**
 * @typedef {object} Config
 * @property {string} version
 * @property {'none' | 'gateway' | 'jwt'} auth
 * @property {null | { issuer: string, clientId: string, scope?: string }} oidc
 * @property {boolean | null} canWrite Null if it is unknown until it is tried.
 */

/**
 * @typedef {object} Task
 * @property {string} id
 * @property {string} type
 * @property {string} uniqueName
 * @property {string} description
 * @property {string | null} parentName
 * @property {string} launcher
 * @property {null | { id: string, type: string | null, name: string }} target
 * @property {string} created
 * @property {string} modified
 * @property {string | null} launched
 * @property {string | null} completed
 * @property {string | null} completionStatus
 * @property {any[]} messages
 * @property {any[]} returns
 * @property {Record<string, unknown>} attributes
 * @property {string | null} progress
 * @property {number} percentComplete
 * @property {Record<string, unknown>} [taskDefinitionSummary]
 */

/** @typedef {{ value: string | null, count: number }} Count */
/** @typedef {{ values: Count[], rest: number }} Group */
/** @typedef {{ from: string, started: number, ended: Record<string, number> }} Bin */
/**
 * @typedef {object} Summary
 * @property {string} asOf
 * @property {number} stuckAfter
 * @property {{ count: number, oldestCreated: string | null, stuck: number,
 *   byType: Group, byKind: Group, byLauncher: Group, byTarget: Group }} pending
 * @property {{ from: string, count: number, byCompletionStatus: Group }} ended
 * @property {Bin[]} perMinute
 * @property {Bin[]} perHour
 */

/** What the server says about itself, once it has. */
export const config = signal(/** @type {Config | null} */ (null));

/** Whether the page may ask for tasks: not while the browser comes back from signing in. */
export const ready = signal(!new URLSearchParams(location.search).has('state'));

/** The access token. It lives here only: a reload forgets it. */
export const token = signal(/** @type {string | null} */ (null));

/** How far the server's clock is ahead of this one, in milliseconds: ages are right although a clock is wrong. */
export const clockOffset = signal(0);

/** The server's time now, in milliseconds. */
export const serverNow = () => Date.now() + clockOffset.value;

/** Why a request has failed, in the words of the server if it answered. */
export class Problem extends Error {
  /**
   * @param {number} status The status of the response; 0 without a response.
   * @param {string[]} texts
   * @param {{ retryAfter?: number | null, trackingId?: string, position?: number | null }} [more]
   */
  constructor(status, texts, { retryAfter = null, trackingId = '', position = null } = {}) {
    super(texts.join(' '));
    this.status = status;
    this.texts = texts;
    /** In seconds. */
    this.retryAfter = retryAfter;
    this.trackingId = trackingId;
    /** The position in the filter, counted in characters from 1. */
    this.position = position;
  }
}

/**
 * @typedef {object} Sent
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {AbortSignal} [signal]
 */

/**
 * Sends a request and returns its response, also if it is a 304.
 *
 * @param {string} path Relative to the page.
 * @param {Sent} [sent]
 * @returns {Promise<Response>}
 * @throws {Problem} For every other response than a success, and without one.
 */
export async function request(path, { headers = {}, ...sent } = {}) {
  const all = { Accept: 'application/json', 'Accept-Language': language.value, ...headers };
  if (token.value) Object.assign(all, { Authorization: `Bearer ${token.value}` });
  let response;
  try {
    // A redirect is a gateway's, to a page where its session begins anew.
    response = await fetch(path, { ...sent, headers: all, redirect: 'manual', cache: 'no-store' });
  } catch (error) {
    if (sent.signal?.aborted) throw error;
    throw new Problem(0, []);
  }
  const date = Date.parse(response.headers.get('Date') ?? '');
  // The header has whole seconds, and the way back takes time: smaller differences mean nothing.
  if (Math.abs(date - serverNow()) > 2000) clockOffset.value = date - Date.now();
  // A page in place of data is a gateway's too: it wants people to sign in.
  const isPage = response.headers.get('Content-Type')?.startsWith('text/html');
  if (response.type === 'opaqueredirect' || (response.ok && isPage)) throw new Problem(401, []);
  if (response.ok || response.status === 304) return response;
  throw await problem(response);
}

/**
 * @param {string} path
 * @param {Sent} [sent]
 */
export async function requestJson(path, sent) {
  const response = await request(path, sent);
  return response.status === 204 ? null : parse(await response.text());
}

/** @param {Response} response */
async function problem(response) {
  const retryAfter = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
  const trackingId = response.headers.get('SLPT-Request-ID') ?? '';
  /** @type {string[]} */
  let texts = [];
  let position = null;
  try {
    const body = await response.json();
    texts = inLanguage(body.causes);
    if (texts.length === 0) texts = inLanguage(body.messages);
    position = filterPosition(body.causes);
  } catch {
    // The response is a proxy's.
  }
  return new Problem(response.status, texts, {
    retryAfter: Number.isNaN(retryAfter) ? null : retryAfter,
    trackingId,
    position,
  });
}

/** @typedef {{ localeOrigin: 'DEFAULT' | 'REQUEST', text: string }} LocalizedText */

/**
 * The texts in the requested language, or else in English.
 *
 * @param {LocalizedText[]} texts
 * @returns {string[]}
 */
function inLanguage(texts) {
  const requested = texts.filter((text) => text.localeOrigin === 'REQUEST');
  return (requested.length > 0 ? requested : texts).map((text) => text.text);
}

/**
 * The position of a fault in the filter, which the English text begins with.
 *
 * @param {LocalizedText[]} causes
 */
function filterPosition(causes) {
  const found = causes.map((cause) => /^Position (\d+) of the filter/.exec(cause.text)).find(Boolean);
  return found ? Number(found[1]) : null;
}

/**
 * A path with a query; parameters that are null or empty are left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | boolean | null>} parameters
 */
export function withQuery(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== '');
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return query ? `${path}?${query}` : path;
}

/** @param {string} id */
export const taskPath = (id) => `task-status/${encodeURIComponent(id)}`;
