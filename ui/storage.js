// What is kept in the browser: settings and named views, never a token.

import { effect, signal } from './vendor/preact.js';

/**
 * A value that is kept in the browser; without its storage, until the page is left.
 *
 * @template T
 * @param {string} name
 * @param {T} initial
 * @returns {import('./vendor/preact.js').Signal<T>}
 */
export function stored(name, initial) {
  const key = `task-status.${name}`;
  const value = signal(initial);
  try {
    value.value = JSON.parse(localStorage.getItem(key) ?? 'null') ?? initial;
  } catch {
    // There is no storage, or something else has written there.
  }
  let first = true;
  effect(() => {
    const json = JSON.stringify(value.value);
    if (!first) {
      try {
        localStorage.setItem(key, json);
      } catch {
        // There is no storage.
      }
    }
    first = false;
  });
  return value;
}
