// The list: its rows keep their place while the tasks in them change.

import { computed, effect, h, html, signal, useEffect, useMemo, useRef } from './vendor/preact.js';
import { requestJson, serverNow, withQuery } from './api.js';
import { quoted } from './filter.js';
import { duration, language, number, t } from './i18n.js';
import { parse } from './json.js';
import { Live, now, running } from './live.js';
import { Age, Progress, Select, Status, bothTimes } from './parts.js';
import { COLUMNS, SIZES, announcement, cursor, format, go, view } from './state.js';
import { listFilter, listKey, selection, show } from './state.js';

/** @typedef {import('./api.js').Task} Task */
/**
 * @typedef {object} Row
 * @property {Task} task
 * @property {string} json The task, to see whether it has changed.
 * @property {boolean} gone Whether it has left the list, and not only this page of it.
 */
/** @typedef {{ key: string, tasks: Task[] }} Page */
/** @typedef {import('./i18n.js').Key} Key */

/** The page of the list as the server has it. */
export const list = new Live(400, 'list');
/** The rows as they are shown, and of which list. */
const shown = signal(/** @type {{ key: string, rows: Row[] }} */ ({ key: '', rows: [] }));
/** Whether another list than the one before was asked for in vain: that one's rows must not be taken for its. */
const inVain = computed(() => list.freshness.value.kind === 'failed' && shown.value.key !== listKey.value);
export const rows = computed(() => (inVain.value ? [] : shown.value.rows));
/** When the rows were known to be current. */
export const asOf = computed(() => (inVain.value ? null : list.asOf.value));
const lastCount = signal(/** @type {number | null} */ (null));
/** How many tasks all pages have, or null if it is not known (yet). */
export const total = computed(() => (inVain.value ? null : lastCount.value));

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
  lastCount.value = null;
  if (show.value === 'pending') return;
  return counted.watch(withQuery('task-status', { filters, limit: 0, count: true }), async () => true, heedCount);
});

/** @param {Headers} headers */
function heedCount(headers) {
  const count = headers.get('X-Total-Count');
  if (count !== null) lastCount.value = Number(count);
}

effect(() => {
  const page = /** @type {Page | null} */ (list.data.value);
  if (!page) return;
  const before = shown.peek();
  // Rows of another filter could be selected until now.
  if (before.key !== page.key && filterOf(before.key) !== filterOf(page.key)) selection.value = new Map();
  const same = page.key === before.key && before.rows.some(({ gone }) => !gone);
  shown.value = { key: page.key, rows: same ? merged(before.rows, byId(page.tasks)) : page.tasks.map(row) };
});

// What cannot be cleared any more is not selected either.
effect(() => {
  const ended = new Set(rows.value.filter((row) => !canClear(row)).map(({ task }) => task.id));
  const left = [...selection.value].filter(([id]) => !ended.has(id));
  if (left.length < selection.value.size) selection.value = new Map(left);
});

/** @param {string} key A `listKey`, or none. */
const filterOf = (key) => (key ? JSON.parse(key)[0] : null);

/** @param {Task} task @returns {Row} */
const row = (task) => ({ task, json: JSON.stringify(task), gone: false });

/** @param {Row} row */
export const canClear = ({ task, gone }) => !gone && task.completionStatus === null;

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
const pause = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Asks for the pending tasks that are not on the page any more: they have ended, or moved to another page. */
async function follow() {
  if (following) return;
  following = true;
  const page = /** @type {Page} */ (list.data.peek());
  const here = byId(page.tasks);
  const left = shown.peek().rows.filter((row) => canClear(row) && !here.has(row.task.id));
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
  const page = /** @type {Page | null} */ (inVain.value ? null : list.data.value);
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

/** @param {Task} task */
export function toggleSelected({ id, uniqueName }) {
  const next = new Map(selection.value);
  if (!next.delete(id)) next.set(id, uniqueName);
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
/**
 * @typedef {object} Column
 * @property {Key} label
 * @property {number} width At least, in rem.
 * @property {string} [sorter]
 * @property {(task: Task) => unknown} cell
 */

/** @param {string | null} time */
const age = (time) => (time ? h(Age, { time }) : '–');
/** @param {string | null | undefined} text */
const bidi = (text) => (text ? html`<bdi title=${text}>${text}</bdi>` : '–');

const NAME_WIDTH = 15;
/** @type {Record<ColumnName, Column>} */
const CELLS = {
  status: { width: 7.5, label: 'status', cell: ({ completionStatus }) => h(Status, { status: completionStatus }) },
  type: { width: 7, label: 'type', sorter: 'type', cell: ({ type }) => html`<span class="type">${type}</span>` },
  target: { width: 7.5, label: 'target', cell: ({ target }) => bidi(target?.name || target?.id) },
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
 * @param {object} props
 * @param {Row} props.row
 * @param {string} props.base The query of the page without an open task.
 * @param {string[]} props.columns
 * @param {boolean} props.selectable
 * @param {boolean} props.selected
 * @param {boolean} props.current Whether the keyboard is at it.
 * @param {boolean} props.open
 */
function TaskRow({ row, base, columns, selectable, selected, current, open }) {
  const { task, json, gone } = row;
  const stuck = useMemo(() => computed(() => isStuck(task, now.value)), [json]).value;
  // What has not changed is not built again: a list has 250 rows, and few of them change at a time.
  return useMemo(() => {
    const states = { gone, stuck, selected, open };
    const tabIndex = current ? 0 : -1;
    const arrive = () => {
      cursor.value = task.id;
    };
    const box = html`<input type="checkbox" checked=${selected} disabled=${!canClear(row)} tabIndex=${tabIndex}
      aria-label=${t('selectTask', { name: task.uniqueName })} onChange=${() => toggleSelected(task)} />`;
    const cells = columns.map((name) => {
      const { cell } = CELLS[/** @type {ColumnName} */ (name)];
      return html`<td class=${name} key=${name}>${cell(task)}</td>`;
    });
    return html`<tr id=${rowId(task.id)} class=${classes(states)} tabIndex=${tabIndex} onFocus=${arrive}>
      <td class="check">${selectable && box}</td>
      <th scope="row" class="name"><span class="named">
        <a href=${`${base}${base === '?' ? '' : '&'}task=${encodeURIComponent(task.id)}`} tabIndex=${tabIndex}
          title=${task.uniqueName} onClick=${(/** @type {MouseEvent} */ event) => openTask(event, task.id)}>
          <bdi>${task.uniqueName || task.id}</bdi></a>
        ${h(Note, { row, stuck })}
      </span></th>
      ${cells}
    </tr>`;
  }, [json, gone, stuck, selected, current, open, selectable, columns.join(), base, language.value]);
}

/** The names of what is true. @param {Record<string, boolean>} states */
const classes = (states) => Object.keys(states).filter((name) => states[name]).join(' ');

/** What is special about a row. @param {{ row: Row, stuck: boolean }} props */
function Note({ row: { task, gone }, stuck }) {
  if (!gone && !stuck) return null;
  const { completionStatus: status } = task;
  return html`<span class="note">${gone && status ? h(Status, { status }) : t(gone ? 'leftList' : 'stuck')}</span>`;
}

/** @param {MouseEvent} event @param {string} id */
function openTask(event, id) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  cursor.value = id;
  go({ task: id });
}

/** The columns that show a time as an age, which grows as the time gets smaller. */
const AGES = ['created', 'launched', 'completed', 'modified'];

/** `share` is its part of the width of the table. @param {{ name: string, label: string, share: number, sorter?: string }} props */
function Heading({ name, label, share, sorter }) {
  const [first] = view.value.sorters.split(',');
  const order = first === sorter ? 'ascending' : first === `-${sorter}` ? 'descending' : undefined;
  // The sign shows the order of what is read.
  const grows = (order === 'ascending') !== AGES.includes(name);
  const sign = order && html`<span aria-hidden="true">${grows ? '↑' : '↓'}</span>`;
  const sort = () => go({ sorters: order === 'ascending' ? `-${sorter}` : sorter });
  return html`<th scope="col" class=${name} style=${{ width: `${100 * share}%` }} aria-sort=${order}>
    ${sorter ? html`<button type="button" onClick=${sort}>${label} ${sign}</button>` : label}
  </th>`;
}

/** The box that selects all tasks of the page that can be cleared. */
function SelectAll() {
  const ids = rows.value.filter(canClear).map(({ task }) => task.id);
  const some = ids.some((id) => selection.value.has(id));
  const all = some && ids.every((id) => selection.value.has(id));
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (box.current) box.current.indeterminate = some && !all;
  });
  const toggle = () => {
    const next = new Map(selection.value);
    for (const { task } of rows.value.filter(canClear)) {
      if (all) next.delete(task.id);
      else next.set(task.id, task.uniqueName);
    }
    selection.value = next;
  };
  return html`<input type="checkbox" ref=${box} checked=${all} onChange=${toggle} aria-label=${t('selectPage')} />`;
}

/** @param {{ canAct: boolean }} props */
export function List({ canAct }) {
  const { columns, task: openId } = view.value;
  const at = rows.value.some(({ task }) => task.id === cursor.value) ? cursor.value : rows.value[0]?.task.id;
  const selectable = canAct && show.value !== 'ended';
  const base = format({ ...view.value, task: null });
  const width = columns.reduce((sum, name) => sum + CELLS[/** @type {ColumnName} */ (name)].width, NAME_WIDTH);
  const stale = list.freshness.value.kind === 'failed';
  return html`<div class=${stale ? 'table stale' : 'table'}>
    <table style=${{ minWidth: `${width}rem` }} aria-label=${t('list')} aria-busy=${list.freshness.value.kind === 'connecting'}>
      <thead><tr>
        <td class="check">${selectable && h(SelectAll, {})}</td>
        ${h(Heading, { name: 'name', label: t('name'), share: NAME_WIDTH / width, sorter: 'uniqueName' })}
        ${columns.map((name) => {
          const { label, sorter, width: own } = CELLS[/** @type {ColumnName} */ (name)];
          return h(Heading, { key: name, name, label: t(label), share: own / width, sorter });
        })}
      </tr></thead>
      <tbody>
        ${rows.value.map((row) => {
          const { id } = row.task;
          const states = { selected: selection.value.has(id), current: id === at, open: id === openId };
          return h(TaskRow, { key: id, row, base, columns, selectable, ...states });
        })}
      </tbody>
    </table>
    ${rows.value.length === 0 && h(Empty, {})}
  </div>`;
}

/** Why there are no rows. */
function Empty() {
  if (list.freshness.value.kind === 'failed') return null;
  if (list.data.value === null) return html`<p class="empty">${t('loading')}</p>`;
  const { page, filters } = view.value;
  const [reason, remedy, change] = /** @type {[Key, Key | null, { page: 1 } | { filters: '' }]} */ (
    page > 1
      ? ['pastTheEnd', 'firstPage', { page: 1 }]
      : filters
        ? ['nothingMatches', 'clearFilter', { filters: '' }]
        : [show.value === 'pending' ? 'nothingPending' : 'nothingThere', null, {}]
  );
  return html`<div class="empty"><p class="big">${t(reason)}</p>
    ${remedy && html`<button type="button" onClick=${() => go(change)}>${t(remedy)}</button>`}</div>`;
}

/** What waits to be shown; it has its place, so that nothing jumps when it comes. */
export function Changes() {
  const { fresh, gone } = waiting.value;
  if (fresh + gone === 0) return null;
  const parts = [fresh > 0 && t('newTasks', { n: fresh }), gone > 0 && t('goneTasks', { n: gone })];
  return html`<button type="button" class="changes" onClick=${showChanges} title=${`${t('showChanges')} ( . )`}>
    ${parts.filter(Boolean).join(' · ')} <strong>${t('showChanges')}</strong></button>`;
}

export function Pager() {
  const { page, size } = view.value;
  const last = total.value === null ? null : Math.max(1, Math.ceil(total.value / size));
  const isFull = rows.value.length >= size;
  const jump = (/** @type {Event} */ event) => {
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    const wanted = Math.trunc(Number(field.value));
    if (wanted >= 1) go({ page: Math.min(wanted, last ?? wanted) });
    field.value = String(view.value.page);
  };
  const step = (/** @type {Key} */ label, /** @type {string} */ sign, /** @type {number} */ to, possible = true) =>
    html`<button type="button" class="icon" disabled=${!possible || to === page} onClick=${() => go({ page: to })}
      aria-label=${t(label)} title=${t(label)}>${sign}</button>`;
  const sizes = {
    value: String(size),
    options: SIZES.map(String),
    text: (/** @type {string} */ choice) => number(Number(choice)),
    onChoose: (/** @type {string} */ choice) => go({ size: Number(choice) }),
  };
  return html`<nav class="pager" aria-label=${t('pages')}>
    ${step('firstPage', '«', 1)} ${step('previousPage', '‹', Math.max(1, page - 1))}
    <label>${t('page')} <input type="number" min="1" max=${last ?? undefined} value=${page} onChange=${jump} /></label>
    <span>${last !== null && t('ofPages', { n: last })}</span>
    ${step('nextPage', '›', page + 1, last === null ? isFull : page < last)}
    ${step('lastPage', '»', last ?? page, last !== null && page < last)}
    <label class="size">${t('pageSize')} ${h(Select, sizes)}</label>
  </nav>`;
}
