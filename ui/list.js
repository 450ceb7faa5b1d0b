// The list: its rows keep their place while the tasks in them change.

import { computed, effect, h, html, signal, useEffect, useMemo, useRef } from './vendor/preact.js';
import { requestJson, serverNow, withQuery } from './api.js';
import { quoted } from './filter.js';
import { duration, language, number, t } from './i18n.js';
import { parse } from './json.js';
import { Live, now, running } from './live.js';
import { Age, Progress, Status, bothTimes } from './parts.js';
import { COLUMNS, SIZES, announcement, cursor, format, go, listFilter, listKey, selection, show, view } from './state.js';

/** @typedef {import('./api.js').Task} Task */
/** @typedef {{ task: Task, json: string, gone: boolean }} Row Gone: it has left the list, and not only this page of it. */
/** @typedef {{ key: string, tasks: Task[] }} Page */
/** @typedef {import('./i18n.js').Key} Key */

/** The page of the list as the server has it. */
export const list = new Live();
/** The rows as they are shown, and of which list. */
const shown = signal(/** @type {{ key: string, rows: Row[] }} */ ({ key: '', rows: [] }));
export const rows = computed(() => shown.value.rows);
/** How many tasks all pages have, or null if it is not known (yet). */
export const total = signal(/** @type {number | null} */ (null));

effect(() => {
  const key = listKey.value;
  const { sorters, page, size } = view.peek();
  // The number of pending tasks comes from memory.
  const count = show.value === 'pending' || null;
  const parameters = { filters: listFilter.value, sorters, offset: (page - 1) * size, limit: size, count };
  const read = async (/** @type {Response} */ response) => ({ key, tasks: parse(await response.text()) });
  return list.watch(withQuery('task-status', parameters), read, count ? heedCount : undefined);
});

/** The number of tasks of a list with ended ones. A long history takes long to count: the list does not wait for it. */
const counted = new Live(5000);
effect(() => {
  const filters = listFilter.value;
  total.value = null;
  if (show.value === 'pending') return;
  return counted.watch(withQuery('task-status', { filters, limit: 0, count: true }), async () => true, heedCount);
});

/** @param {Headers} headers */
function heedCount(headers) {
  const count = headers.get('X-Total-Count');
  if (count !== null) total.value = Number(count);
}

effect(() => {
  const page = /** @type {Page | null} */ (list.data.value);
  if (!page) return;
  const before = shown.peek();
  const same = page.key === before.key && before.rows.some(({ gone }) => !gone);
  shown.value = { key: page.key, rows: same ? merged(before.rows, byId(page.tasks)) : page.tasks.map(row) };
});

// What cannot be cleared any more is not selected either.
effect(() => {
  const ended = rows.value.filter(({ task, gone }) => gone || task.completionStatus !== null).map(({ task }) => task.id);
  const { value: selected } = selection;
  if (ended.some((id) => selected.has(id))) selection.value = new Map([...selected].filter(([id]) => !ended.includes(id)));
});

/** @param {Task} task @returns {Row} */
const row = (task) => ({ task, json: JSON.stringify(task), gone: false });

/**
 * The rows in their old order, each with its task as it is now.
 *
 * @param {Row[]} before
 * @param {Map<string, Task | null>} now Null for a task that is deleted.
 */
function merged(before, now) {
  const leaving = show.peek() === 'pending';
  return before.map((old) => {
    const task = now.get(old.task.id);
    if (task === undefined) return old;
    if (task === null) return old.gone ? old : { ...old, gone: true };
    const changed = row(task);
    const gone = leaving && task.completionStatus !== null;
    return changed.json === old.json && gone === old.gone ? old : { ...changed, gone };
  });
}

/** @param {Task[]} tasks @returns {Map<string, Task>} */
const byId = (tasks) => new Map(tasks.map((task) => [task.id, task]));

effect(() => {
  if (list.data.value && running.value) follow();
});

let following = false;
/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** Asks for the pending tasks that are not on the page any more: they have ended, or moved to another page. */
async function follow() {
  if (following) return;
  following = true;
  const page = /** @type {Page} */ (list.data.peek());
  const here = byId(page.tasks);
  const left = shown.peek().rows.filter(({ task, gone }) => !gone && task.completionStatus === null && !here.has(task.id));
  const ids = left.map(({ task }) => task.id);
  try {
    for (const some of chunks(ids)) {
      const filters = `id in (${some.map(quoted).join(', ')})`;
      const found = byId(await requestJson(withQuery('task-status', { filters, limit: 250 })));
      if (shown.peek().key !== page.key) break;
      const now = new Map(some.map((id) => [id, found.get(id) ?? null]));
      shown.value = { key: page.key, rows: merged(shown.peek().rows, now) };
    }
  } catch {
    // The list itself says what is wrong.
  }
  await pause(1000);
  following = false;
  if (list.data.peek() && list.data.peek() !== page) follow();
}

/** The ids in groups that fit into URLs, of which proxies take some 8000 characters. @param {string[]} ids */
function chunks(ids) {
  /** @type {string[][]} */
  const all = [];
  let length = Infinity;
  for (const id of ids) {
    length += encodeURIComponent(quoted(id)).length + 3;
    if (length > 4000) {
      all.push([]);
      length = 0;
    }
    all.at(-1)?.push(id);
  }
  return all;
}

let announced = false;

/** The changes that are announced and not pushed in. */
export const waiting = computed(() => {
  const page = /** @type {Page | null} */ (list.data.value);
  const here = new Set(rows.value.map(({ task }) => task.id));
  return {
    fresh: page?.tasks.filter((task) => !here.has(task.id)).length ?? 0,
    gone: rows.value.filter(({ gone }) => gone).length,
  };
});

// Each change would be too many to be read out.
effect(() => {
  const { fresh, gone } = waiting.value;
  if (fresh + gone > 0 !== announced) announcement.value = fresh + gone > 0 ? t('listChanged') : '';
  announced = fresh + gone > 0;
});

/** Shows the list as the server has it. */
export function showChanges() {
  const page = /** @type {Page | null} */ (list.data.value);
  if (!page) return;
  shown.value = { key: page.key, rows: page.tasks.map(row) };
  announcement.value = t('listUpdated');
}

/** The server's text of a time, `ago` seconds before now: for filters. @param {number} ago */
export const timeAgo = (ago) => new Date(serverNow() - ago * 1000).toISOString();

/** @param {string} id @param {string} name */
export function toggleSelected(id, name) {
  const next = new Map(selection.value);
  if (!next.delete(id)) next.set(id, name);
  selection.value = next;
}

/** Moves the cursor down or up. @param {1 | -1} by */
export function moveCursor(by) {
  const ids = rows.value.map(({ task }) => task.id);
  if (ids.length === 0) return;
  const at = ids.indexOf(cursor.value ?? '');
  const next = at === -1 ? (by === 1 ? 0 : ids.length - 1) : Math.min(ids.length - 1, Math.max(0, at + by));
  cursor.value = ids[next];
  document.getElementById(rowId(ids[next]))?.focus();
}

/** @param {string} id */
const rowId = (id) => `row-${id}`;

/** @param {Task} task @param {number} seconds The server's time. */
function isStuck(task, seconds) {
  return task.completionStatus === null && seconds - Date.parse(task.modified) / 1000 > view.value.stuckAfter;
}

/** @typedef {(typeof COLUMNS)[number]} ColumnName */
/** @typedef {{ label: Key, width: number, sorter?: string, cell: (task: Task) => unknown }} Column The width is in rem. */

/** @param {string | null} time */
const age = (time) => (time ? h(Age, { time }) : '–');
/** @param {unknown} text */
const bidi = (text) => (text === null || text === '' ? '–' : html`<bdi title=${text}>${text}</bdi>`);

/** @type {Record<ColumnName, Column>} */
const CELLS = {
  status: { width: 7.5, label: 'status', cell: ({ completionStatus }) => h(Status, { status: completionStatus }) },
  type: { width: 7, label: 'type', sorter: 'type', cell: ({ type }) => html`<span class="type">${type}</span>` },
  target: { width: 7.5, label: 'target', cell: ({ target }) => bidi(target?.name || target?.id || null) },
  launcher: { width: 7, label: 'launcher', cell: ({ launcher }) => bidi(launcher) },
  created: { width: 5, label: 'age', sorter: 'created', cell: ({ created }) => age(created) },
  launched: { width: 5, label: 'launched', sorter: 'launched', cell: ({ launched }) => age(launched) },
  completed: { width: 5, label: 'ended', sorter: 'completed', cell: ({ completed }) => age(completed) },
  duration: { width: 5, label: 'duration', cell: (task) => runtime(task) },
  progress: {
    width: 11,
    label: 'progress',
    sorter: 'percentComplete',
    cell: ({ percentComplete, progress }) => html`<span class="progress-cell">
      ${h(Progress, { percent: percentComplete, label: t('progress') })}
      <span class="percent">${percentComplete}%</span> ${progress ? bidi(progress) : ''}</span>`,
  },
  modified: { width: 5, label: 'lastSign', sorter: 'modified', cell: ({ modified }) => age(modified) },
  parentName: { width: 8, label: 'parent', cell: ({ parentName }) => bidi(parentName) },
  id: { width: 13, label: 'id', cell: ({ id }) => html`<code title=${id}>${id}</code>` },
};

/** @param {ColumnName} name */
export const columnLabel = (name) => t(CELLS[name].label);

/** How long a task ran, from its start or else its creation. @param {Task} task */
function runtime({ created, launched, completed }) {
  if (!completed) return '–';
  const from = launched ?? created;
  return html`<span title=${`${bothTimes(from)}\n${bothTimes(completed)}`}>
    ${duration((Date.parse(completed) - Date.parse(from)) / 1000)}</span>`;
}

/**
 * @param {{ row: Row, base: string, columns: string[], selected: boolean, current: boolean, open: boolean, selectable: boolean }} props
 *   `base` is the query of the page without an open task.
 */
function TaskRow({ row: { task, json, gone }, base, columns, selected, current, open, selectable }) {
  const stuck = useMemo(() => computed(() => isStuck(task, now.value)), [json]).value;
  return useMemo(() => {
    const classes = [gone && 'gone', stuck && 'stuck', selected && 'selected', open && 'open'].filter(Boolean).join(' ');
    const note = gone ? (task.completionStatus ? h(Status, { status: task.completionStatus }) : t('leftList')) : stuck ? t('stuck') : null;
    const link = `${base}${base === '?' ? '' : '&'}task=${encodeURIComponent(task.id)}`;
    return html`<tr id=${rowId(task.id)} class=${classes} tabIndex=${current ? 0 : -1} onFocus=${() => { cursor.value = task.id; }}>
      <td class="check">${selectable && html`<input type="checkbox" checked=${selected} disabled=${gone || task.completionStatus !== null}
        tabIndex=${current ? 0 : -1} aria-label=${t('selectTask', { name: task.uniqueName })} onChange=${() => toggleSelected(task.id, task.uniqueName)} />`}</td>
      <th scope="row" class="name"><span class="named"><a href=${link} tabIndex=${current ? 0 : -1} title=${task.uniqueName} onClick=${(/** @type {MouseEvent} */ event) => openTask(event, task.id)}>
        <bdi>${task.uniqueName || task.id}</bdi></a>${note && html` <span class="note">${note}</span>`}</span></th>
      ${columns.map((name) => html`<td class=${name} key=${name}>${CELLS[/** @type {ColumnName} */ (name)].cell(task)}</td>`)}
    </tr>`;
  }, [json, gone, stuck, selected, current, open, selectable, columns.join(), base, language.value]);
}

/** @param {MouseEvent} event @param {string} id */
function openTask(event, id) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  cursor.value = id;
  go({ task: id });
}

/** @param {{ name: string, label: string, sorter?: string }} props */
function Heading({ name, label, sorter }) {
  const [first] = view.value.sorters.split(',');
  const order = first === sorter ? 'ascending' : first === `-${sorter}` ? 'descending' : undefined;
  // An age grows as its time gets smaller: the sign shows the order of what is read.
  const sign = order === undefined ? '' : (order === 'ascending') === ['created', 'modified', 'launched', 'completed'].includes(name) ? '↓' : '↑';
  return html`<th scope="col" class=${name} aria-sort=${order}>
    ${sorter
      ? html`<button type="button" onClick=${() => go({ sorters: order === 'ascending' ? `-${sorter}` : sorter })}>
          ${label} <span aria-hidden="true">${sign}</span></button>`
      : label}
  </th>`;
}

/** @param {{ canAct: boolean }} props */
export function List({ canAct }) {
  const { columns, filters, page } = view.value;
  const here = rows.value.filter(({ task, gone }) => !gone && task.completionStatus === null);
  const all = here.length > 0 && here.every(({ task }) => selection.value.has(task.id));
  const some = here.some(({ task }) => selection.value.has(task.id));
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (box.current) box.current.indeterminate = some && !all;
  });
  const toggleAll = () => {
    const next = new Map(selection.value);
    for (const { task } of here) all ? next.delete(task.id) : next.set(task.id, task.uniqueName);
    selection.value = next;
  };
  const current = rows.value.some(({ task }) => task.id === cursor.value) ? cursor.value : rows.value[0]?.task.id;
  const empty = list.data.value !== null && rows.value.length === 0;
  const stale = list.freshness.value.kind !== 'live';
  const selectable = canAct && show.value !== 'ended';
  const base = format({ ...view.value, task: null });
  const width = columns.reduce((sum, name) => sum + CELLS[/** @type {ColumnName} */ (name)].width, 15);
  return html`<div class=${`table${stale ? ' stale' : ''}`}>
    <table style=${{ minWidth: `${width}rem` }} aria-label=${t('list')} aria-busy=${list.data.value === null}>
      <thead><tr>
        <td class="check">${selectable && html`<input type="checkbox" ref=${box} checked=${all} onChange=${toggleAll}
          aria-label=${t('selectPage')} />`}</td>
        ${h(Heading, { name: 'name', label: t('name'), sorter: 'uniqueName' })}
        ${columns.map((name) => {
          const { label, sorter } = CELLS[/** @type {ColumnName} */ (name)];
          return h(Heading, { key: name, name, label: t(label), sorter });
        })}
      </tr></thead>
      <tbody>
        ${rows.value.map((row) => h(TaskRow, {
          key: row.task.id, row, base, columns, selectable,
          selected: selection.value.has(row.task.id),
          current: row.task.id === current,
          open: row.task.id === view.value.task,
        }))}
      </tbody>
    </table>
    ${empty && page > 1 && html`<div class="empty"><p class="big">${t('pastTheEnd')}</p>
      <button type="button" onClick=${() => go({ page: 1 })}>${t('firstPage')}</button></div>`}
    ${empty && page === 1 && html`<div class="empty"><p class="big">${t(filters ? 'nothingMatches' : show.value === 'pending' ? 'nothingPending' : 'nothingThere')}</p>
      ${filters && html`<button type="button" onClick=${() => go({ filters: '' })}>${t('clearFilter')}</button>`}</div>`}
    ${list.data.value === null && list.freshness.value.kind === 'connecting' && html`<div class="empty"><p>${t('loading')}</p></div>`}
  </div>`;
}

/** What waits to be shown; it has its place, so that nothing jumps when it comes. */
export function Changes() {
  const { fresh, gone } = waiting.value;
  if (fresh + gone === 0) return null;
  const parts = [fresh > 0 && t('newTasks', { n: fresh }), gone > 0 && t('goneTasks', { n: gone })].filter(Boolean);
  return html`<button type="button" class="changes" onClick=${showChanges} title=${`${t('showChanges')} ( . )`}>
    ${parts.join(' · ')} <strong>${t('showChanges')}</strong></button>`;
}

export function Pager() {
  const { page, size } = view.value;
  const last = total.value === null ? null : Math.max(1, Math.ceil(total.value / size));
  const full = (list.data.value?.tasks.length ?? 0) === size;
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const jump = () => {
    const wanted = Math.trunc(Number(field.current?.value));
    if (wanted >= 1) go({ page: last === null ? wanted : Math.min(wanted, last) });
    if (field.current) field.current.value = String(view.value.page);
  };
  const step = (/** @type {number} */ to, /** @type {Key} */ label, /** @type {string} */ sign, /** @type {boolean} */ possible) =>
    html`<button type="button" class="icon" disabled=${!possible} aria-label=${t(label)} title=${t(label)} onClick=${() => go({ page: to })}>${sign}</button>`;
  return html`<nav class="pager" aria-label=${t('pages')}>
    ${step(1, 'firstPage', '«', page > 1)} ${step(page - 1, 'previousPage', '‹', page > 1)}
    <label>${t('page')} <input ref=${field} type="number" min="1" max=${last ?? undefined} value=${page} onChange=${jump} /></label>
    <span>${last === null ? '' : t('ofPages', { n: last })}</span>
    ${step(page + 1, 'nextPage', '›', last === null ? full : page < last)} ${step(last ?? page, 'lastPage', '»', last !== null && page < last)}
    <label class="size">${t('pageSize')} <select value=${String(size)} onChange=${(/** @type {any} */ event) => go({ size: Number(event.target.value) })}>
      ${SIZES.map((choice) => html`<option key=${choice} value=${choice}>${number(choice)}</option>`)}</select></label>
  </nav>`;
}
