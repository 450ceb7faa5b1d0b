// The state of things: how many are pending, since when, which are stuck, and what they are.

import { computed, effect, h, html, useState } from './vendor/preact.js';
import { withQuery } from './api.js';
import { allOf, conditions, quoted, toggle } from './filter.js';
import { clock, duration, number, t } from './i18n.js';
import { parse } from './json.js';
import { timeAgo } from './list.js';
import { Live } from './live.js';
import { Chart } from './chart.js';
import { Age, statusName } from './parts.js';
import { STUCK_AFTER, equals, go, view } from './state.js';

/** @typedef {import('./api.js').Summary} Summary */
/** @typedef {import('./api.js').Group} Group */
/** @typedef {import('./i18n.js').Key} Key */

/** The server counts once a second at most. */
export const summary = new Live(1000);

const path = computed(() => withQuery('task-status/summary', { filters: view.value.filters, stuckAfter: view.value.stuckAfter }));
effect(() => {
  return summary.watch(path.value, async (response) => parse(await response.text()));
});

/** @param {{ label: string, children?: unknown, kind?: string }} props */
const Tile = ({ label, children, kind = '' }) => html`<div class=${`tile ${kind}`}><dt>${label}</dt><dd>${children}</dd></div>`;

export function Now() {
  const data = /** @type {Summary | null} */ (summary.data.value);
  const { stuckAfter, span } = view.value;
  const pending = data?.pending;
  const choose = html`<select aria-label=${t('stuckAfter')} value=${String(stuckAfter)}
    onChange=${(/** @type {any} */ event) => go({ stuckAfter: Number(event.target.value) })}>
    ${STUCK_AFTER.map((seconds) => html`<option key=${seconds} value=${seconds}>${duration(seconds)}</option>`)}</select>`;
  const stale = summary.freshness.value.kind === 'failed';
  return html`<section class=${stale ? 'now stale' : 'now'} aria-label=${t('now')}>
    <dl class="tiles">
      ${h(Tile, { label: t('pending'), kind: 'count' }, html`<b>${pending ? number(pending.count) : '–'}</b>`)}
      ${h(Tile, { label: t('oldest') }, html`<b>${pending?.oldestCreated ? h(Age, { time: pending.oldestCreated }) : '–'}</b>`)}
      ${h(Tile, { label: t('stuck'), kind: pending && pending.stuck > 0 ? 'stuck' : '' }, html`<button type="button" class="figure" disabled=${!pending?.stuck}
          title=${t('showStuck')} onClick=${showStuck}><b>${pending ? number(pending.stuck) : '–'}</b></button>
        <label class="after">${t('silentFor')} ${choose}</label>`)}
    </dl>
    <div class="activity">
      <div class="spans" role="group" aria-label=${t('span')}>
        ${/** @type {const} */ (['hour', 'day']).map((choice) => html`<button type="button" key=${choice} aria-pressed=${span === choice}
          onClick=${() => go({ span: choice }, { replace: true })}>${t(choice === 'hour' ? 'lastHour' : 'lastDay')}</button>`)}
      </div>
      ${data && h(Chart, {
        bins: span === 'hour' ? data.perMinute : data.perHour,
        label: t(span === 'hour' ? 'chartHour' : 'chartDay'),
        onPick: (bin, next) => showEnded(bin.from, next),
      })}
    </div>
    ${stale && summary.asOf.value !== null && html`<p class="quiet">${t('shownAsOf', { time: clock(summary.asOf.value) })}</p>`}
  </section>`;
}

/** Lists what has not been heard of for long. */
function showStuck() {
  const silent = toggle(withoutSilent(), `modified lt ${quoted(timeAgo(view.value.stuckAfter))}`);
  go({ show: 'pending', filters: silent, sorters: 'modified' });
}

const withoutSilent = () =>
  allOf(conditions(view.value.filters).filter((condition) => !condition.startsWith('modified lt ')));

/** Lists what has ended within a column of the chart. @param {string} from @param {string | null} to */
function showEnded(from, to) {
  const within = [`completed ge ${quoted(from)}`, ...(to ? [`completed lt ${quoted(to)}`] : [])];
  go({ show: 'ended', filters: allOf([...withoutEnd(), ...within]) });
}

/** What is counted by, the field that a click filters by, and its name. @type {[keyof Summary['pending'], string, Key][]} */
const GROUPS = [['byKind', 'type', 'kind'], ['byLauncher', 'launcher', 'launcher'], ['byTarget', 'target.name', 'target'], ['byType', 'type', 'type']];

/** The groups of what is pending, and of what has ended in a day. */
export function Groups() {
  const data = /** @type {Summary | null} */ (summary.data.value);
  if (!data) return null;
  return html`<div class="groups">
    ${view.value.show === 'ended' && h(Since, {})}
    ${view.value.show !== 'pending' && h(Values, { field: 'completionStatus', label: t('endedToday'), group: data.ended.byCompletionStatus })}
    ${view.value.show !== 'ended' && GROUPS.map(([by, field, label]) =>
      h(Values, { key: by, field, label: t(label), group: /** @type {Group} */ (data.pending[by]) }))}
  </div>`;
}

/** The conditions of a filter that are not on the time of the end. */
const withoutEnd = () => conditions(view.value.filters).filter((condition) => !condition.startsWith('completed '));

/** What has ended lately. */
function Since() {
  const choices = /** @type {[Key, number | null][]} */ ([['lastHour', 3600], ['lastDay', 86_400], ['lastWeek', 604_800], ['anyTime', null]]);
  return html`<section class="group"><h2>${t('endedSince')}</h2><ul>${choices.map(([label, ago]) => html`<li key=${label}><button type="button"
    onClick=${() => go({ filters: allOf([...withoutEnd(), ...(ago ? [`completed ge ${quoted(timeAgo(ago))}`] : [])]) })}><span class="value">${t(label)}</span></button></li>`)}</ul></section>`;
}

/** @param {{ field: string, label: string, group: Group }} props */
function Values({ field, label, group }) {
  const [more, setMore] = useState(false);
  const shown = more ? group.values : group.values.slice(0, 6);
  const most = Math.max(1, ...group.values.map(({ count }) => count));
  const chosen = conditions(view.value.filters);
  if (group.values.length === 0) return null;
  const name = (/** @type {string | null} */ value) => {
    if (value === null) return html`<i>${t('none')}</i>`;
    return field === 'completionStatus' ? statusName(value) : html`<bdi>${value}</bdi>`;
  };
  return html`<section class="group"><h2>${label}</h2>
    <ul>${shown.map(({ value, count }) => {
      const condition = equals(field, value);
      return html`<li key=${value}><button type="button" aria-pressed=${chosen.includes(condition)} title=${value ?? ''}
        onClick=${() => go({ filters: toggle(view.value.filters, condition) })}>
        <span class="bar" style=${{ width: `${(100 * count) / most}%` }}></span><span class="value">${name(value)}</span><span class="number">${number(count)}</span></button></li>`;
    })}</ul>
    ${group.values.length > 6 && html`<button type="button" class="more" aria-expanded=${more} onClick=${() => setMore(!more)}>
      ${more ? t('less') : t('more', { n: group.values.length - 6 })}</button>`}
    ${group.rest > 0 && (more || group.values.length <= 6) && html`<p class="rest">${t('others', { n: group.rest })}</p>`}
  </section>`;
}
