// Clearing: one task, the selected ones, or all that match. Nothing is changed before its number was named.

import { computed, effect, h, html, signal, useEffect, useRef, useState } from './vendor/preact.js';
import { Problem, config, request, requestJson, serverNow, taskPath, token, withQuery } from './api.js';
import { STATUSES, allOf, quoted } from './filter.js';
import { t } from './i18n.js';
import { list } from './list.js';
import { sleep } from './live.js';
import { Dialog, Fault, Select, closeDialog, statusName, withValue } from './parts.js';
import { dialog, filters, listFilter, selection, show } from './state.js';

/** Whether the caller may write: null while that is not known. */
const allowed = signal(/** @type {boolean | null} */ (null));
/** Whether the caller has to sign in before. */
export const needsSignIn = computed(
  () => config.value?.auth === 'jwt' && config.value.canWrite === null && token.value === null,
);
export const mayAct = computed(() => allowed.value === true);

effect(() => {
  const settings = config.value;
  void token.value;
  if (!settings) return;
  allowed.value = settings.canWrite ?? (settings.auth === 'none' || null);
  if (allowed.peek() !== null || needsSignIn.value) return;
  const stop = new AbortController();
  dryRun('id eq "-"', stop.signal).then(
    () => { allowed.value = true; },
    (problem) => { if (problem.status === 403 || problem.status === 401) allowed.value = false; },
  );
  return () => stop.abort();
});

/**
 * What is to be cleared.
 *
 * @typedef {{ kind: 'tasks', tasks: Map<string, string> }
 *   | { kind: 'filter', filter: string, everything: boolean }} What
 */

/** @type {import('./vendor/preact.js').Signal<What | null>} */
const what = signal(null);

/** @param {Map<string, string>} tasks Their names by id. */
export function clearTasks(tasks) {
  what.value = { kind: 'tasks', tasks };
  dialog.value = 'clear';
}

/** What the list shows, and nothing that is created from now on: so that the number that was named stays true. */
export function clearMatching() {
  // The header that the clock is set by has whole seconds.
  const before = new Date(serverNow() + 1000).toISOString();
  const filter = allOf([listFilter.value, `created le ${quoted(before)}`]);
  what.value = { kind: 'filter', filter, everything: !filters.value };
  dialog.value = 'clear';
}

/** How many tasks would be cleared. @param {string} filters @param {AbortSignal} [stop] @returns {Promise<number>} */
async function dryRun(filters, stop) {
  const path = withQuery('task-status', { filters, dryRun: true });
  return (await requestJson(path, { ...patchTo('TERMINATED'), signal: stop })).completed;
}

/** @param {string} status @param {object[]} [tests] */
const patchTo = (status, tests = []) => ({
  method: 'PATCH',
  headers: { 'Content-Type': 'application/json-patch+json' },
  body: JSON.stringify([...tests, { op: 'replace', path: '/completionStatus', value: status }]),
});

/**
 * @typedef {object} Progress
 * @property {number} count How many were named.
 * @property {number} cleared
 * @property {number} remaining
 * @property {number} changed Which had ended or were gone when it was their turn.
 * @property {Problem | null} problem
 * @property {boolean} done
 */

/**
 * Sends a request again for as long as the server is only busy.
 *
 * @template T
 * @param {() => Promise<T>} send
 * @param {AbortSignal} stop
 */
async function persistently(send, stop) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      const busy = error instanceof Problem && [0, 429, 503].includes(error.status);
      if (!busy || attempt === 8 || stop.aborted) throw error;
      await sleep(Math.max(error.retryAfter ?? 0, attempt) * 1000, stop);
    }
  }
}

/**
 * @param {Map<string, string>} tasks
 * @param {string} status
 * @param {(progress: Progress) => void} report
 * @param {AbortSignal} stop
 */
async function clearEach(tasks, status, report, stop) {
  const progress = { count: tasks.size, cleared: 0, remaining: tasks.size, changed: 0, problem: null, done: false };
  // Another may have completed the task since it was selected: its status stays.
  const patch = patchTo(status, [{ op: 'test', path: '/completionStatus', value: null }]);
  for (const id of tasks.keys()) {
    if (stop.aborted) break;
    try {
      await persistently(() => request(taskPath(id), { ...patch, signal: stop }), stop);
      progress.cleared += 1;
    } catch (error) {
      if (stop.aborted) break;
      if (!(error instanceof Problem) || ![400, 404].includes(error.status)) throw error;
      progress.changed += 1;
    }
    progress.remaining -= 1;
    report({ ...progress });
  }
  return progress;
}

/**
 * @param {string} filters
 * @param {string} status
 * @param {number} count
 * @param {(progress: Progress) => void} report
 * @param {AbortSignal} stop
 */
async function clearAll(filters, status, count, report, stop) {
  const progress = { count, cleared: 0, remaining: count, changed: 0, problem: null, done: false };
  // One request works for some seconds: what remains is asked for meanwhile.
  const asked = new AbortController();
  const ask = async () => {
    while (!asked.signal.aborted) {
      await sleep(700, asked.signal);
      const remaining = await dryRun(filters, asked.signal).catch(() => null);
      if (remaining === null || asked.signal.aborted) continue;
      report({ ...progress, remaining, cleared: Math.max(progress.cleared, count - remaining) });
    }
  };
  ask();
  try {
    // Tasks that others are changing at the moment are left out: they are tried again, but not for ever.
    for (let idle = 0; idle < 5 && !stop.aborted; ) {
      const path = withQuery('task-status', { filters });
      const result = await persistently(() => requestJson(path, { ...patchTo(status), signal: stop }), stop);
      progress.cleared += result.completed;
      progress.remaining = result.remaining ?? Math.max(0, count - progress.cleared);
      report({ ...progress });
      if (result.remaining === 0) break;
      idle = result.completed === 0 ? idle + 1 : 0;
      if (idle > 0) await sleep(500, stop);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
    // The request that was given up has cleared some: only the server knows how many.
    progress.remaining = await dryRun(filters);
    progress.cleared = Math.max(progress.cleared, count - progress.remaining);
  } finally {
    asked.abort();
  }
  return progress;
}

export function ClearDialog() {
  return h(Dialog, { name: 'clear' }, what.value && h(Clearing, { what: what.value }));
}

/** The confirmation, then the progress and the result. @param {{ what: What }} props */
function Clearing({ what }) {
  const [progress, setProgress] = useState(/** @type {Progress | null} */ (null));
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const begin = async (/** @type {string} */ status, /** @type {number} */ count) => {
    const { signal } = stop.current;
    setProgress({ count, cleared: 0, remaining: count, changed: 0, problem: null, done: false });
    try {
      const result =
        what.kind === 'tasks'
          ? await clearEach(what.tasks, status, setProgress, signal)
          : await clearAll(what.filter, status, count, setProgress, signal);
      setProgress({ ...result, done: true });
      selection.value = new Map();
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(0, []);
      setProgress((before) => before && { ...before, problem, done: true });
    }
  };
  return progress
    ? h(Going, { progress, onStop: () => stop.current.abort() })
    : h(Confirmation, { what, onConfirm: begin });
}

/** @param {{ what: What, onConfirm: (status: string, count: number) => void }} props */
function Confirmation({ what, onConfirm }) {
  const [status, setStatus] = useState('TERMINATED');
  const [count, setCount] = useState(what.kind === 'tasks' ? what.tasks.size : /** @type {number | null} */ (null));
  const [typed, setTyped] = useState('');
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const everything = what.kind === 'filter' && what.everything;
  useEffect(() => {
    if (what.kind !== 'filter') return;
    const stop = new AbortController();
    dryRun(what.filter, stop.signal).then(setCount, (error) => {
      if (error instanceof Problem) setProblem(error);
    });
    return () => stop.abort();
  }, []);
  const sure = !everything || typed.replace(/\D/g, '') === String(count);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (count !== null) onConfirm(status, count);
  };
  return html`<form class="dialog" onSubmit=${submit}>
    <h2 id="clear-title">${count === null ? t('counting') : t('clearTitle', { n: count })}</h2>
    ${what.kind === 'tasks' ? h(Names, { tasks: what.tasks }) : h(Matching, { filter: what.filter, everything })}
    <label>${t('statusToSet')}
      ${h(Select, { value: status, options: STATUSES, text: statusName, onChoose: setStatus })}</label>
    ${
      everything &&
      count !== null &&
      html`<label>${t('typeNumber', { n: count })}
        <input inputmode="numeric" autocomplete="off" value=${typed} onInput=${withValue(setTyped)} /></label>`
    }
    <p class="quiet">${t('clearMeaning')}</p>
    ${problem && h(Fault, { problem })}
    <div class="buttons">
      <button type="button" onClick=${closeDialog}>${t('cancel')}</button>
      <button type="submit" class="danger" disabled=${!count || !sure}>
        ${count === null ? t('counting') : t('clearCount', { n: count })}</button>
    </div>
  </form>`;
}

/** How many tasks are named; the others are counted. */
const NAMED = 8;

/** @param {{ tasks: Map<string, string> }} props */
function Names({ tasks }) {
  return html`<ul class="names">
    ${[...tasks].slice(0, NAMED).map(([id, name]) => html`<li key=${id}><bdi>${name}</bdi> <code>${id}</code></li>`)}
    ${tasks.size > NAMED && html`<li>${t('more', { n: tasks.size - NAMED })}</li>`}
  </ul>`;
}

/** @param {{ filter: string, everything: boolean }} props */
function Matching({ filter, everything }) {
  return html`<p>${t(everything ? 'clearEverything' : 'clearThese')}</p>
    <p><code class="block" dir="auto">${filter}</code></p>`;
}

/** @param {{ progress: Progress, onStop: () => void }} props */
function Going({ progress: { count, cleared, remaining, changed, problem, done }, onStop }) {
  const title = done ? (remaining > 0 ? 'stopped' : 'cleared') : 'clearing';
  return html`<div class="dialog">
    <h2 id="clear-title">${t(title)}</h2>
    <progress class="wide" max=${count} value=${count - remaining} aria-label=${t('progress')}></progress>
    <p role="status">${t('clearedCount', { n: cleared })} · ${t('remaining', { n: remaining })}
      ${changed > 0 && html` · ${t('changedMeanwhile', { n: changed })}`}</p>
    ${problem && h(Fault, { problem })}
    <div class="buttons">
      ${
        done
          ? html`<button type="button" class="primary" onClick=${closeDialog} ref=${focus}>${t('close')}</button>`
          : html`<button type="button" onClick=${onStop} ref=${focus}>${t('stop')}</button>`
      }
    </div>
  </div>`;
}

/** @param {HTMLElement | null} element */
const focus = (element) => element?.focus();

/** What can be done with the list. @param {{ total: number | null }} props */
export function Actions({ total }) {
  if (show.value === 'ended') return null;
  if (needsSignIn.value) {
    const signIn = () => {
      dialog.value = 'signin';
    };
    return html`<button type="button" onClick=${signIn}>${t('signInToClear')}</button>`;
  }
  if (allowed.value === false) return html`<span class="quiet">${t('readOnly')}</span>`;
  if (!mayAct.value) return null;
  const { size } = selection.value;
  if (size === 0) {
    const impossible = !total || list.freshness.value.kind === 'failed';
    return html`<button type="button" disabled=${impossible} onClick=${clearMatching}>${t('clearMatching')}</button>`;
  }
  const clearSelected = () => clearTasks(selection.value);
  const selectNone = () => {
    selection.value = new Map();
  };
  return html`<span class="acts">
    <button type="button" class="danger" onClick=${clearSelected}>${t('clearSelected', { n: size })}</button>
    <button type="button" onClick=${selectNone}>${t('selectNone')}</button>
  </span>`;
}
