// Started and ended tasks over time, as SVG: what has ended in columns, what was started as a line.

import { h, html, useState } from './vendor/preact.js';
import { localTime, minute, number, t } from './i18n.js';

/** @typedef {import('./api.js').Bin} Bin */

/** What a column is made of, from its foot; statuses that need no colour of their own are joined. */
const SERIES = /** @type {const} */ ([
  { name: 'success', statuses: ['SUCCESS'] },
  { name: 'warning', statuses: ['WARNING'] },
  { name: 'error', statuses: ['ERROR', 'TEMPERROR'] },
  { name: 'terminated', statuses: ['TERMINATED'] },
]);
const [WIDTH, HEIGHT, GAP] = [600, 100, 1.5];

/** @param {Bin} bin @param {readonly string[]} statuses */
const count = (bin, statuses) => statuses.reduce((sum, status) => sum + (bin.ended[status] ?? 0), 0);
/** @param {Bin} bin */
const ended = (bin) => Object.values(bin.ended).reduce((sum, some) => sum + some, 0);

/** The least round number that is at least this large. @param {number} value */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const steps = [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power);
  return steps.find((step) => step >= value && Number.isInteger(step)) ?? 10 * power;
}

/**
 * @param {object} props
 * @param {Bin[]} props.bins
 * @param {string} props.label
 * @param {(bin: Bin, next: string | null) => void} props.onPick Gets a column and when the next one begins.
 */
export function Chart({ bins, label, onPick }) {
  const [time, setTime] = useState(/** @type {string | null} */ (null));
  const at = bins.findIndex((bin) => bin.from === time);
  const top = ceiling(Math.max(...bins.map((bin) => Math.max(bin.started, ended(bin)))));
  const step = WIDTH / bins.length;
  const y = (/** @type {number} */ value) => HEIGHT - (value / top) * HEIGHT;
  const steps = bins.map((bin, index) => `${index * step} ${y(bin.started)}H${(index + 1) * step}`);
  const middle = bins[Math.floor(bins.length / 2)];
  const last = bins.length - 1;
  // The keyboard begins at the latest column.
  const from = at === -1 ? last : at;
  const leave = () => setTime(null);
  const arrive = (/** @type {number} */ index) => setTime(bins[Math.min(last, Math.max(0, index))].from);
  const pick = (/** @type {number} */ index) => onPick(bins[index], bins[index + 1]?.from ?? null);
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const to = { ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1, Home: 0, End: last };
    if (event.key in to) arrive(to[/** @type {keyof typeof to} */ (event.key)]);
    else if (event.key === 'Enter') pick(from);
    else return;
    event.preventDefault();
  };
  const said = sums([bins[from]]).map(([name, sum]) => `${t(name)} ${number(sum)}`);
  return html`<figure class="chart">
    ${h(Legend, { bins: at === -1 ? bins : [bins[at]], when: at === -1 ? '' : localTime(bins[at].from) })}
    <div class="plot" tabIndex=${0} role="slider" aria-label=${label} aria-valuemin=${0} aria-valuemax=${last}
      aria-valuenow=${from} aria-valuetext=${`${localTime(bins[from].from)}: ${said.join(', ')}`}
      onKeyDown=${onKeyDown} onFocus=${() => arrive(from)} onBlur=${leave}>
      <span class="top" aria-hidden="true">${number(top)}</span>
      <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true" onPointerLeave=${leave}>
        <path class="grid" d=${`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}`} />
        ${bins.map((bin, index) => h(Column, { key: bin.from, bin, x: index * step + GAP / 2, width: step - GAP, y }))}
        <path class="line" d=${`M${steps.join('L')}`} />
        ${bins.map((bin, index) => html`<rect key=${bin.from} class=${index === at ? 'hit at' : 'hit'}
          x=${index * step} y="0" width=${step} height=${HEIGHT}
          onPointerEnter=${() => arrive(index)} onClick=${() => pick(index)} />`)}
      </svg>
      <span class="axis" aria-hidden="true">
        <span>${minute(bins[0].from)}</span><span>${minute(middle.from)}</span><span>${t('now')}</span></span>
    </div>
    ${h(Figures, { bins, label })}
  </figure>`;
}

/**
 * The sums of these columns, by series.
 *
 * @param {Bin[]} bins
 * @returns {[(typeof SERIES)[number]['name'] | 'started', number][]}
 */
function sums(bins) {
  const sum = (/** @type {(bin: Bin) => number} */ of) => bins.reduce((total, bin) => total + of(bin), 0);
  return [
    ['started', sum((bin) => bin.started)],
    ...SERIES.map(({ name, statuses }) => /** @type {[typeof name, number]} */ ([name, sum((bin) => count(bin, statuses))])),
  ];
}

/** What the colours mean, with the sums of these columns. @param {{ bins: Bin[], when: string }} props */
function Legend({ bins, when }) {
  return html`<figcaption>
    ${sums(bins).map(([name, sum]) => html`<span class=${`key ${name}`} key=${name}>
      <span class="swatch"></span>${t(name)} <b>${number(sum)}</b></span>`)}
    <span>${when}</span>
  </figcaption>`;
}

/** @param {{ bin: Bin, x: number, width: number, y: (value: number) => number }} props */
function Column({ bin, x, width, y }) {
  let below = 0;
  return html`<g>${SERIES.map(({ name, statuses }) => {
    const n = count(bin, statuses);
    if (n === 0) return null;
    const from = below;
    below += n;
    return html`<rect key=${name} class=${name} x=${x} width=${width} y=${y(below)} height=${y(from) - y(below)} />`;
  })}</g>`;
}

/** The same figures as a table, for those who cannot see the chart and want all. @param {{ bins: Bin[], label: string }} props */
function Figures({ bins, label }) {
  const used = bins.filter((bin) => bin.started > 0 || ended(bin) > 0);
  return html`<div class="unseen"><table>
    <caption>${label}</caption>
    <thead><tr>
      <th scope="col">${t('time')}</th><th scope="col">${t('started')}</th>
      ${SERIES.map(({ name }) => html`<th scope="col" key=${name}>${t(name)}</th>`)}
    </tr></thead>
    <tbody>${used.map((bin) => html`<tr key=${bin.from}>
      <th scope="row">${localTime(bin.from)}</th><td>${bin.started}</td>
      ${SERIES.map(({ name, statuses }) => html`<td key=${name}>${count(bin, statuses)}</td>`)}
    </tr>`)}</tbody>
  </table></div>`;
}
