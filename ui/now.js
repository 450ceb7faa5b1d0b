// The state of things: how many are pending, since when, which are stuck, and what they are.

import { computed, effect, h, html, useState } from './vendor/preact.js';
import { withQuery } from './api.js';
import { allOf, conditions, quoted, toggle } from './filter.js';
import { clock, duration, number, percent, t } from './i18n.js';
import { parse } from './json.js';
import { list, timeAgo } from './list.js';
import { Live, tryAgain } from './live.js';
import { Chart } from './chart.js';
import { Age, Select, headline, statusName } from './parts.js';
import { STUCK_AFTER, equals, fitting, go, show, view } from './state.js';

/** @typedef {import('./api.js').Summary} Summary */
/** @typedef {import('./api.js').Group} Group */
/** @typedef {import('./i18n.js').Key} Key */

/** The server counts once a second at most. */
export const summary = new Live(1000);

const path = computed(() => {
  const { filters, stuckAfter } = view.value;
  return withQuery('task-status/summary', { filters, stuckAfter });
});
/** The figures; none if those of another filter are asked for in vain. */
const figures = computed(() => {
  const data = /** @type {Summary | null} */ (summary.data.value);
  return summary.freshness.value.kind === 'failed' && summary.path !== path.value ? null : data;
});
effect(() => summary.watch(path.value, async (response) => parse(await response.text())));

/** @param {{ label: string, children?: unknown, kind?: string }} props */
const Tile = ({ label, children, kind = '' }) =>
  html`<div class=${`tile ${kind}`}><dt>${label}</dt><dd>${children}</dd></div>`;

/** The figures of what is pending. */
function PendingTiles() {
  const pending = figures.value?.pending;
  const stuckChoice = {
    label: t('stuckAfter'),
    value: String(view.value.stuckAfter),
    options: STUCK_AFTER.map(String),
    text: (/** @type {string} */ seconds) => duration(Number(seconds)),
    onChoose: (/** @type {string} */ seconds) => go({ stuckAfter: Number(seconds) }),
  };
  const oldest = pending?.oldestCreated ? h(Age, { time: pending.oldestCreated }) : '–';
  const stuck = html`<button type="button" class="figure" disabled=${!pending?.stuck} title=${t('showStuck')}
      onClick=${showStuck}><b>${pending ? number(pending.stuck) : '–'}</b></button>
    <label class="after">${t('silentFor')} ${h(Select, stuckChoice)}</label>`;
  return html`<dl class="tiles">
    ${h(Tile, { label: t('pending') }, html`<b>${pending ? number(pending.count) : '–'}</b>`)}
    ${h(Tile, { label: t('oldest') }, html`<b>${oldest}</b>`)}
    ${h(Tile, { label: t('stuck'), kind: pending?.stuck ? 'stuck' : '' }, stuck)}
  </dl>`;
}

/** The figures of what has ended in a day. */
function EndedTiles() {
  const ended = figures.value?.ended;
  const successes = ended?.byCompletionStatus.values.find(({ value }) => value === 'SUCCESS')?.count ?? 0;
  return html`<dl class="tiles">
    ${h(Tile, { label: t('endedToday') }, html`<b>${ended ? number(ended.count) : '–'}</b>`)}
    ${h(Tile, { label: t('success') }, html`<b>${ended?.count ? percent(successes / ended.count) : '–'}</b>`)}
  </dl>`;
}

export function Now() {
  const data = figures.value;
  const { span } = view.value;
  const spanButton = (/** @type {'hour' | 'day'} */ choice, /** @type {Key} */ label) =>
    html`<button type="button" aria-pressed=${span === choice}
      onClick=${() => go({ span: choice }, { replace: true })}>${t(label)}</button>`;
  const state = summary.freshness.value;
  const stale = state.kind === 'failed';
  const asOf = summary.asOf.value;
  return html`<section class=${stale ? 'now stale' : 'now'} aria-label=${t('now')}>
    ${show.value === 'ended' ? h(EndedTiles, {}) : h(PendingTiles, {})}
    <div class="activity">
      <div class="spans" role="group" aria-label=${t('span')}>
        ${spanButton('hour', 'lastHour')}${spanButton('day', 'lastDay')}
      </div>
      ${data && h(Chart, {
        bins: span === 'hour' ? data.perMinute : data.perHour,
        label: t(span === 'hour' ? 'chartHour' : 'chartDay'),
        onPick: (bin, next) => showEnded(bin.from, next),
      })}
    </div>
    ${
      // Otherwise the trouble with the list says all.
      stale &&
      list.freshness.value.kind !== 'failed' &&
      html`<p class="quiet">${headline(state.problem.status)}
        ${data && asOf !== null && t('shownAsOf', { time: clock(asOf) })}
        <button type="button" onClick=${tryAgain}>${t('retryNow')}</button></p>`
    }
  </section>`;
}

/** Lists what has not been heard of for long. */
function showStuck() {
  const silent = toggle(withoutSilent(), `modified lt ${quoted(timeAgo(view.value.stuckAfter))}`);
  go({ show: 'pending', filters: silent, sorters: 'modified' });
}

/** The filter without its condition on the last sign of life. */
const withoutSilent = () =>
  allOf(conditions(view.value.filters).filter((condition) => !condition.startsWith('modified lt ')));

/** Lists what has ended within a column of the chart. @param {string} from @param {string | null} to */
function showEnded(from, to) {
  const within = [`completed ge ${quoted(from)}`, ...(to ? [`completed lt ${quoted(to)}`] : [])];
  go({ show: 'ended', filters: allOf([...withoutEnd(), ...within]) });
}

/**
 * What is counted by, the field that a click filters by, and its name.
 *
 * @type {['byKind' | 'byLauncher' | 'byTarget' | 'byType', string, Key][]}
 */
const GROUPS = [
  ['byKind', 'type', 'kind'],
  ['byLauncher', 'launcher', 'launcher'],
  ['byTarget', 'target.name', 'target'],
  ['byType', 'type', 'type'],
];

/** The groups of what is pending, and of what has ended in a day. */
export function Groups() {
  const data = figures.value;
  if (!data) return null;
  const { pending, ended } = data;
  return html`<div class="groups">
    ${show.value === 'ended' && h(Since, {})}
    ${
      show.value !== 'pending' &&
      h(Values, { field: 'completionStatus', label: t('endedToday'), group: ended.byCompletionStatus })
    }
    ${
      show.value !== 'ended' &&
      GROUPS.map(([by, field, label]) => h(Values, { key: by, field, label: t(label), group: pending[by] }))
    }
  </div>`;
}

/** The conditions of a filter that are not on the time of the end. */
const withoutEnd = () =>
  conditions(fitting(view.value.filters, 'ended')).filter((condition) => !condition.startsWith('completed '));

/** What a list of ended tasks can be limited to, in seconds before now. @type {[Key, number | null][]} */
const PERIODS = [
  ['lastHour', 3600],
  ['lastDay', 86_400],
  ['lastWeek', 604_800],
  ['anyTime', null],
];

function Since() {
  const choose = (/** @type {number | null} */ ago) => {
    const since = ago === null ? '' : `completed ge ${quoted(timeAgo(ago))}`;
    go({ filters: allOf([...withoutEnd(), since]) });
  };
  return html`<section class="group"><h2>${t('endedSince')}</h2>
    <ul>${PERIODS.map(([label, ago]) => html`<li key=${label}>
      <button type="button" onClick=${() => choose(ago)}><span class="value">${t(label)}</span></button></li>`)}
    </ul>
  </section>`;
}

/** How many values of a group are shown at first. */
const FEW = 6;

/** @param {{ field: string, label: string, group: Group }} props */
function Values({ field, label, group: { values, rest } }) {
  const [all, setAll] = useState(false);
  if (values.length === 0) return null;
  const most = Math.max(...values.map(({ count }) => count));
  const chosen = conditions(view.value.filters);
  const name = (/** @type {string | null} */ value) => {
    if (value === null) return html`<i>${t('none')}</i>`;
    if (value === '') return '""';
    return field === 'completionStatus' ? statusName(value) : html`<bdi>${value}</bdi>`;
  };
  const item = (/** @type {import('./api.js').Count} */ { value, count }) => {
    const condition = equals(field, value);
    const choose = () => go({ filters: toggle(view.value.filters, condition) });
    return html`<li key=${value}>
      <button type="button" aria-pressed=${chosen.includes(condition)} title=${value ?? ''} onClick=${choose}>
        <span class="bar" style=${{ width: `${(100 * count) / most}%` }}></span>
        <span class="value">${name(value)}</span>
        <span class="number">${number(count)}</span></button></li>`;
  };
  const hidden = values.length - FEW;
  return html`<section class="group"><h2>${label}</h2>
    <ul>${values.slice(0, all ? undefined : FEW).map(item)}</ul>
    ${
      hidden > 0 &&
      html`<button type="button" class="more" aria-expanded=${all} onClick=${() => setAll(!all)}>
        ${all ? t('less') : t('more', { n: hidden })}</button>`
    }
    ${rest > 0 && (all || hidden <= 0) && html`<p class="rest">${t('others', { n: rest })}</p>`}
  </section>`;
}
