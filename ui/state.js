// What the page shows, all of it in the URL: a link, a reload and a named view are the same.

import { computed, effect, signal } from './vendor/preact.js';
import { allOf, conditions, isWhole, quoted } from './filter.js';

/**
 * @typedef {'pending' | 'ended' | 'all'} Show
 *
 * @typedef {object} View
 * @property {Show} show
 * @property {string} filters In the language of the API, besides what `show` means.
 * @property {string} sorters
 * @property {number} page From 1.
 * @property {number} size Tasks a page.
 * @property {string[]} columns
 * @property {number} stuckAfter Seconds without a sign of life.
 * @property {'hour' | 'day'} span Of the chart.
 * @property {string | null} task The id of the open task.
 */

/** @type {Show[]} */
export const SHOWS = ['pending', 'ended', 'all'];
export const SIZES = [25, 50, 100, 250];
export const STUCK_AFTER = [300, 900, 3600, 21_600, 86_400, 604_800];
/** Every column but the name, which is always there. */
export const COLUMNS = /** @type {const} */ ([
  'status', 'type', 'target', 'launcher', 'created', 'launched', 'completed', 'duration', 'progress', 'modified',
  'parentName', 'id',
]);

/** @param {Show} show @returns {View} */
function defaults(show) {
  return {
    show,
    filters: '',
    sorters: { pending: 'created', ended: '-completed', all: '-created' }[show],
    page: 1,
    size: 50,
    columns: {
      pending: ['type', 'target', 'launcher', 'created', 'progress', 'modified'],
      ended: ['status', 'type', 'target', 'launcher', 'completed', 'duration'],
      all: ['status', 'type', 'target', 'launcher', 'created', 'progress', 'modified'],
    }[show],
    stuckAfter: 3600,
    span: 'hour',
    task: null,
  };
}

/**
 * @template T
 * @param {readonly T[]} allowed
 * @param {unknown} value
 * @param {T} fallback
 * @returns {T}
 */
const oneOf = (allowed, value, fallback) => allowed.find((item) => String(item) === value) ?? fallback;

/**
 * Reads a view from the query of a URL. What it does not understand is as by default.
 *
 * @param {string} query
 * @returns {View}
 */
export function parse(query) {
  const given = new URLSearchParams(query);
  const view = defaults(oneOf(SHOWS, given.get('show'), 'pending'));
  const page = Number(given.get('page') ?? 1);
  const columns = given.get('columns')?.split(',');
  return {
    ...view,
    filters: given.get('filters') ?? '',
    sorters: given.get('sorters') ?? view.sorters,
    page: Number.isInteger(page) && page >= 1 && page <= 8_000_000 ? page : 1,
    size: oneOf(SIZES, given.get('size'), view.size),
    columns: columns ? COLUMNS.filter((column) => columns.includes(column)) : view.columns,
    stuckAfter: oneOf(STUCK_AFTER, given.get('stuckAfter'), view.stuckAfter),
    span: oneOf(/** @type {const} */ (['hour', 'day']), given.get('span'), view.span),
    task: given.get('task'),
  };
}

/**
 * The query that `parse` reads: only what is not as by default. It begins with `?`, or is `?`.
 *
 * @param {View} view
 */
export function format(view) {
  const usual = defaults(view.show);
  const query = new URLSearchParams();
  if (view.show !== 'pending') query.set('show', view.show);
  for (const [name, value] of Object.entries(view)) {
    const [text, usually] = [value, usual[/** @type {keyof View} */ (name)]].map(String);
    if (name !== 'show' && text !== usually) query.set(name, text);
  }
  return `?${query}`;
}

export const view = signal(parse(location.search));

/** Conditions that leave nothing of a list, or mean nothing there. */
const UNFIT = { pending: /^(pr )?complet(ed|ionStatus)\b/, ended: /^modified lt /, all: /^$/ };

/** The filter without what makes no sense for another list. @param {string} filter @param {Show} show */
export const fitting = (filter, show) => allOf(conditions(filter).filter((condition) => !UNFIT[show].test(condition)));

/**
 * Changes the view. A change of the list begins at its first page.
 *
 * @param {Partial<View>} change
 * @param {{ replace?: boolean }} [how] Whether the button Back skips the view that was.
 */
export function go(change, { replace = false } = {}) {
  const before = view.peek();
  const other = change.show !== undefined && change.show !== before.show;
  const { filters: all, task, size, stuckAfter, span } = before;
  const to = change.show ?? before.show;
  const from = other ? { ...defaults(to), filters: fitting(all, to), task, size, stuckAfter, span } : before;
  const restart = other || change.filters !== undefined || change.sorters !== undefined || change.size !== undefined;
  const after = { ...from, ...(restart ? { page: 1 } : {}), ...change };
  const query = format(after);
  if (query === format(before)) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', query);
  view.value = after;
}

/** Shows what the URL says. */
export function readUrl() {
  view.value = parse(location.search);
}
addEventListener('popstate', readUrl);

// Parts of it, for what changes with them alone.
export const show = computed(() => view.value.show);
export const filters = computed(() => view.value.filters);

/** The filter of what is shown without the user's own. */
const SHOWN = { pending: 'completionStatus isnull', ended: 'pr completionStatus', all: '' };

/** The filter of the list: the user's first, so that the positions of its errors are nearly right. */
export const listFilter = computed(() =>
  isWhole(filters.value) ? allOf([filters.value, SHOWN[show.value]]) : filters.value);

/** The order and the filter of the list: another list if it changes. */
export const listKey = computed(() => {
  const { sorters, size, page } = view.value;
  return JSON.stringify([listFilter.value, sorters, size, page]);
});

/** The ids of the selected tasks with their names. @type {import('./vendor/preact.js').Signal<Map<string, string>>} */
export const selection = signal(new Map());

// A selection that nobody sees any more must not be cleared by mistake.
effect(() => {
  void listFilter.value;
  selection.value = new Map();
});

/** The task that the keyboard is at. @type {import('./vendor/preact.js').Signal<string | null>} */
export const cursor = signal(null);

/** The dialog that is open. @type {import('./vendor/preact.js').Signal<'signin' | 'clear' | 'help' | null>} */
export const dialog = signal(null);

/** What a screen reader is told. */
export const announcement = signal('');

/** @param {string} field @param {string | null} value */
export const equals = (field, value) => (value === null ? `${field} isnull` : `${field} eq ${quoted(value)}`);
