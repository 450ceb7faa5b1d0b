// Keeps what the page shows current: conditional requests that the server holds until something changes.

import { batch, computed, signal } from './vendor/preact.js';
import { Problem, ready, request, serverNow, token } from './api.js';

/** How long the server may hold a request, in seconds. */
const WAIT = 25;
/** How long a request may take, in seconds. What is older than that is not live: the computer may have slept. */
export const TIMEOUT = WAIT + 10;
/** The pause between requests to a server that does not hold them. */
const POLL_PAUSE = 2000;
const MAX_BACKOFF = 15_000;
/** A browser has six connections to a server over HTTP/1.1, for all its pages: how many lists may be held, and others. */
const MAX_HELD = 2;
/** The same for one page, if it cannot know of the others. */
const MAX_HELD_ALONE = 1;

/**
 * How current the page is.
 *
 * @typedef {{ kind: 'connecting' } | { kind: 'live', held: boolean }
 *   | { kind: 'failed', problem: Problem, retryAt: number | null }} Freshness
 */

/** Whether the user has paused the page. */
export const paused = signal(false);
const hidden = signal(document.hidden);
document.addEventListener('visibilitychange', () => {
  hidden.value = document.hidden;
});

/** Whether the page asks for changes. */
export const running = computed(() => ready.value && !paused.value && !hidden.value);

/** Moves when everything is to be tried again at once. */
const attempt = signal(0);
export const tryAgain = () => {
  attempt.value += 1;
};
addEventListener('online', tryAgain);

/** The server's time in seconds, for ages. It stands still while nobody looks. */
export const now = signal(Math.floor(serverNow() / 1000));
setInterval(() => {
  if (!document.hidden) now.value = Math.floor(serverNow() / 1000);
}, 1000);

/** A resource that is kept current. */
export class Live {
  /** What the server sent last, or null. @type {import('./vendor/preact.js').Signal<any>} */
  data = signal(null);
  freshness = signal(/** @type {Freshness} */ ({ kind: 'connecting' }));
  /** When the data was known to be current: the server's time in milliseconds, or null. */
  asOf = signal(/** @type {number | null} */ (null));
  /** The shortest time from one request to the next in milliseconds: what is busy is not drawn more often. */
  #least;
  /** What its requests are held as. Nothing else takes the connections of the lists. */
  #kind;
  /** Where the data is from. @type {string | null} */
  path = null;

  /** @param {number} [least] @param {Kind} [kind] */
  constructor(least = 400, kind = 'other') {
    this.#least = least;
    this.#kind = kind;
  }

  /**
   * Watches a path until the returned function is called. Call it within an effect: it starts anew with another token,
   * or when the user pauses, resumes or tries again. While the page is paused, another path is asked for only once.
   *
   * @param {string} path
   * @param {(response: Response) => Promise<any>} read What becomes the data.
   * @param {(headers: Headers) => void} [heed] Gets the headers of every response, 304 too: a count may change alone.
   * @returns {undefined | (() => void)}
   */
  watch(path, read, heed = () => {}) {
    void token.value;
    void attempt.value;
    const goesOn = running.value;
    const isKnown = path === this.path && this.freshness.peek().kind !== 'failed';
    if (!goesOn && (!ready.value || hidden.value || isKnown)) return undefined;
    const stop = new AbortController();
    this.#run(path, read, heed, goesOn, stop.signal);
    return () => stop.abort();
  }

  /** Forgets what was shown, because something else is watched from now on. */
  reset() {
    this.path = null;
    batch(() => {
      this.data.value = null;
      this.freshness.value = { kind: 'connecting' };
      this.asOf.value = null;
    });
  }

  /**
   * @param {string} path
   * @param {(response: Response) => Promise<any>} read
   * @param {(headers: Headers) => void} heed
   * @param {boolean} goesOn
   * @param {AbortSignal} stop
   */
  async #run(path, read, heed, goesOn, stop) {
    /** @type {string | null} */
    let etag = null;
    let failures = 0;
    while (!stop.aborted) {
      const begun = Date.now();
      let pause = this.#least;
      try {
        const response = await conditional(path, etag, this.#kind, stop);
        const data = response.status === 304 ? undefined : await read(response);
        if (stop.aborted) return;
        failures = 0;
        this.path = path;
        etag = response.headers.get('ETag');
        const held = etag !== null && (data !== undefined || response.headers.has('Preference-Applied'));
        if (!held) pause = Math.max(pause, POLL_PAUSE);
        batch(() => {
          heed(response.headers);
          if (data !== undefined) this.data.value = data;
          this.asOf.value = serverNow();
          this.freshness.value = { kind: 'live', held };
        });
      } catch (error) {
        if (stop.aborted) return;
        const problem = error instanceof Problem ? error : new Problem(0, []);
        failures += 1;
        const delay = retryDelay(problem, failures);
        this.freshness.value = { kind: 'failed', problem, retryAt: delay === null ? null : Date.now() + delay };
        if (delay === null) return;
        // What the server has after an outage may be anything.
        etag = null;
        pause = Date.now() - begun + delay;
      }
      if (!goesOn) return;
      await sleep(Math.max(0, begun + pause - Date.now()), stop);
    }
  }
}

/**
 * How long to wait after a failure in milliseconds; null if the same request cannot succeed.
 *
 * @param {Problem} problem
 * @param {number} failures In a row.
 */
function retryDelay({ status, retryAfter }, failures) {
  // Others may be a proxy's, during an update for example, and a missing task may be made.
  if ([400, 401, 403, 414, 431].includes(status)) return null;
  const backoff = Math.min(MAX_BACKOFF, 1000 * 2 ** (failures - 1));
  return Math.max((retryAfter ?? 0) * 1000, backoff * (0.75 + Math.random() / 2));
}

/**
 * @param {string} path
 * @param {string | null} etag
 * @param {Kind} kind
 * @param {AbortSignal} stop
 */
async function conditional(path, etag, kind, stop) {
  // A connection that died in silence must not look live.
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT * 1000)]);
  if (etag === null) return request(path, { signal });
  const headers = { 'If-None-Match': etag };
  return (await mayHold(kind))
    ? hold(kind, () => request(path, { signal, headers: { ...headers, Prefer: `wait=${WAIT}` } }))
    : request(path, { signal, headers });
}

/** The held requests of this page. */
const heldHere = { list: 0, other: 0 };
/** @typedef {keyof typeof heldHere} Kind */

/** @param {Kind} kind */
const lockOf = (kind) => `task-status held ${kind}`;

/**
 * Whether a connection is left for another held request. Only pages of a secure context know of the others.
 *
 * @param {Kind} kind
 */
async function mayHold(kind) {
  if (!navigator.locks) return heldHere[kind] < MAX_HELD_ALONE;
  const { held } = await navigator.locks.query();
  return (held ?? []).filter(({ name }) => name === lockOf(kind)).length < MAX_HELD;
}

/**
 * @template T
 * @param {Kind} kind
 * @param {() => Promise<T>} send
 * @returns {Promise<T>}
 */
async function hold(kind, send) {
  heldHere[kind] += 1;
  try {
    return navigator.locks ? await navigator.locks.request(lockOf(kind), { mode: 'shared' }, send) : await send();
  } finally {
    heldHere[kind] -= 1;
  }
}

/**
 * Waits, but not longer than until `stop` is aborted.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} stop
 * @returns {Promise<void>}
 */
export function sleep(milliseconds, stop) {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      stop.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    stop.addEventListener('abort', wake);
    if (stop.aborted) wake();
  });
}
