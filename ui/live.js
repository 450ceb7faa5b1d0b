// Keeps what the page shows current: conditional requests that the server holds until something changes.

import { batch, computed, signal } from './vendor/preact.js';
import { Problem, ready, request, serverNow, token } from './api.js';

/** How long the server may hold a request, in seconds. */
const WAIT = 25;
/** The pause between requests to a server that does not hold them. */
const POLL_PAUSE = 2000;
const MAX_BACKOFF = 15_000;
/** A browser has six connections to a server over HTTP/1.1, for all its tabs. */
const MAX_HELD = 4;
const HELD = 'task-status held request';

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

/** Moves when the user wants to try again at once. */
export const attempt = signal(0);
addEventListener('online', () => {
  attempt.value += 1;
});

/** The server's time in seconds, for ages. It stands still while nobody looks. */
export const now = signal(Math.floor(serverNow() / 1000));
setInterval(() => {
  if (!document.hidden) now.value = Math.floor(serverNow() / 1000);
}, 1000);

/** A resource that is watched. */
export class Live {
  /** What the server sent last, or null. @type {import('./vendor/preact.js').Signal<any>} */
  data = signal(null);
  freshness = signal(/** @type {Freshness} */ ({ kind: 'connecting' }));
  /** When the data was known to be current: the server's time in milliseconds, or null. */
  asOf = signal(/** @type {number | null} */ (null));
  /** The shortest time from one request to the next in milliseconds: what is busy is not drawn more often. */
  #least;

  constructor(least = 250) {
    this.#least = least;
  }

  /**
   * Watches a path until the returned function is called. Call it within an effect: it starts anew with another token or
   * when the user tries again.
   *
   * @param {string} path
   * @param {(response: Response) => Promise<any>} read What becomes the data.
   * @returns {() => void}
   */
  watch(path, read) {
    const stop = new AbortController();
    void token.value;
    void attempt.value;
    this.#run(path, read, stop.signal);
    return () => stop.abort();
  }

  /** Forgets what was shown, because something else is watched from now on. */
  reset() {
    batch(() => {
      this.data.value = null;
      this.freshness.value = { kind: 'connecting' };
      this.asOf.value = null;
    });
  }

  /**
   * @param {string} path
   * @param {(response: Response) => Promise<any>} read
   * @param {AbortSignal} stop
   */
  async #run(path, read, stop) {
    /** @type {string | null} */
    let etag = null;
    let failures = 0;
    while (!stop.aborted) {
      const begun = Date.now();
      let pause = this.#least;
      try {
        const response = await conditional(path, etag, stop);
        const data = response.status === 304 ? undefined : await read(response);
        if (stop.aborted) return;
        failures = 0;
        etag = response.headers.get('ETag');
        const held = etag !== null && (data !== undefined || response.headers.has('Preference-Applied'));
        if (!held) pause = POLL_PAUSE;
        batch(() => {
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
        pause = delay;
      }
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
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) return null;
  const backoff = Math.min(MAX_BACKOFF, 1000 * 2 ** (failures - 1));
  return Math.max((retryAfter ?? 0) * 1000, backoff * (0.75 + Math.random() / 2));
}

/**
 * @param {string} path
 * @param {string | null} etag
 * @param {AbortSignal} stop
 */
async function conditional(path, etag, stop) {
  // A connection that died in silence must not look live.
  const signal = AbortSignal.any([stop, AbortSignal.timeout((WAIT + 10) * 1000)]);
  if (etag === null) return request(path, { signal });
  const headers = { 'If-None-Match': etag };
  return (await mayHold())
    ? hold(() => request(path, { signal, headers: { ...headers, Prefer: `wait=${WAIT}` } }))
    : request(path, { signal, headers });
}

/** Whether a connection is left for another held request. Only pages of a secure context can tell. */
async function mayHold() {
  const locks = await navigator.locks?.query();
  return !locks?.held || locks.held.filter((lock) => lock.name === HELD).length < MAX_HELD;
}

/**
 * @template T
 * @param {() => Promise<T>} send
 * @returns {Promise<T>}
 */
async function hold(send) {
  return navigator.locks ? navigator.locks.request(HELD, { mode: 'shared' }, send) : send();
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
