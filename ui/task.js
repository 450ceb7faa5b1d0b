// One task, beside the list.

import { computed, effect, h, html, useEffect, useRef, useState } from './vendor/preact.js';
import { taskPath } from './api.js';
import { duration, language, localTime, t } from './i18n.js';
import { Numeral, parse, pretty } from './json.js';
import { Live, now } from './live.js';
import { Fault, Progress, Status } from './parts.js';
import { rows } from './list.js';
import { announcement, cursor, format, go, view } from './state.js';

/** @typedef {import('./api.js').Task} Task */
/** @typedef {import('./i18n.js').Key} Key */

const live = new Live();
const id = computed(() => view.value.task);

effect(() => {
  if (id.value !== null) live.reset();
});
effect(() => {
  if (id.value === null) return;
  return live.watch(taskPath(id.value), async (response) => parse(await response.text()));
});

/** The open task: as the server has it, until then as the list has it. */
export const openTask = computed(() => {
  const task = /** @type {Task | null} */ (live.data.value);
  if (id.value === null || task?.id === id.value) return id.value === null ? null : task;
  return rows.value.find(({ task: { id: other } }) => other === id.value)?.task ?? null;
});

/** @param {{ actions: (task: Task) => unknown }} props `actions` are what can be done with the task. */
export function TaskPanel({ actions }) {
  const panel = useRef(/** @type {HTMLElement | null} */ (null));
  const opener = useRef(/** @type {Element | null} */ (null));
  useEffect(() => {
    if (id.value === null) return;
    opener.current ??= document.activeElement;
    panel.current?.focus();
  }, [id.value]);
  const close = () => {
    go({ task: null });
    const row = cursor.value === null ? null : document.getElementById(`row-${cursor.value}`);
    (row ?? /** @type {HTMLElement | null} */ (opener.current))?.focus();
    opener.current = null;
  };
  if (id.value === null) return null;
  const task = openTask.value;
  const state = live.freshness.value;
  const missing = state.kind === 'failed' && state.problem.status === 404;
  const problem = state.kind === 'failed' && (missing || !task) ? state.problem : null;
  return html`<aside class="task" ref=${panel} tabIndex=${-1} aria-labelledby="task-title" onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  }}>
    <div class="task-head">
      <h2 id="task-title" dir="auto">${task?.uniqueName || id.value}</h2>
      <button type="button" class="icon" aria-label=${t('close')} title=${`${t('close')} ( Esc )`} onClick=${close}>×</button>
    </div>
    ${problem && h(Fault, { problem })}
    ${task && h(Details, { task, actions })}
    ${!task && !problem && html`<p class="quiet">${t('loading')}</p>`}
  </aside>`;
}

/** @param {{ task: Task, actions: (task: Task) => unknown }} props */
function Details({ task, actions }) {
  const { target, progress, percentComplete, completionStatus } = task;
  const link = format({ ...view.value, task: task.id });
  const fact = (/** @type {Key} */ label, /** @type {unknown} */ value) =>
    value === null || value === '' ? null : html`<div><dt>${t(label)}</dt><dd dir="auto">${value}</dd></div>`;
  return html`<div class="details">
    ${task.description && html`<p class="description">${h(Value, { value: task.description })}</p>`}
    <div class="task-state">${h(Status, { status: completionStatus })}
      ${h(Progress, { percent: percentComplete, label: t('progress') })} <b>${percentComplete}%</b> ${progress && html`<span class="quiet">${h(Value, { value: progress })}</span>`}</div>
    <div class="actions">${actions(task)}
      ${h(Copy, { label: 'copyLink', text: () => new URL(link, location.href).href })}
      ${h(Copy, { label: 'copyId', text: () => task.id })}
      <a href=${taskPath(task.id)} target="_blank" rel="noreferrer">API</a></div>
    ${h(Timeline, { task })}
    <dl class="facts">
      ${fact('type', task.type)}
      ${fact('launcher', task.launcher)}
      ${target && fact('target', html`${target.name} <small>${target.type ?? ''} <code>${target.id}</code></small>`)}
      ${fact('parent', task.parentName)}
      ${fact('id', html`<code>${task.id}</code>`)}
    </dl>
    ${task.messages.length > 0 && h(Section, { title: t('messages') }, h(Messages, { messages: task.messages }))}
    ${task.returns.length > 0 && h(Section, { title: t('returns') }, h(Returns, { task }))}
    ${Object.keys(task.attributes).length > 0 && h(Section, { title: t('attributes') }, h(Tree, { value: task.attributes }))}
    ${task.taskDefinitionSummary && h(Section, { title: t('definition') }, h(Tree, { value: task.taskDefinitionSummary }))}
    ${h(Raw, { task })}
  </div>`;
}

/** @param {{ title: string, children?: unknown }} props */
const Section = ({ title, children }) => html`<section><h3>${title}</h3>${children}</section>`;

/** When what happened, and how long it took. @param {{ task: Task }} props */
function Timeline({ task: { created, launched, modified, completed, completionStatus } }) {
  const stations = /** @type {[Key, string | null, Key][]} */ ([
    ['created', created, 'created'],
    ['launched', launched, 'waited'],
    completionStatus === null ? ['lastSign', modified, 'ran'] : ['ended', completed, 'ran'],
  ]);
  const reached = stations.filter(/** @return {station is [Key, string, Key]} */ (station) => station[1] !== null);
  return html`<ol class="timeline">
    ${reached.map(([name, time, took], index) => {
      const before = reached[index - 1]?.[1];
      const seconds = before ? (Date.parse(time) - Date.parse(before)) / 1000 : -1;
      return html`<li key=${name} class=${name}>
        ${seconds >= 0 && html`<span class="took">${t(launched || took === 'created' ? took : 'waited', { time: duration(seconds) })}</span>`}
        <b>${t(name)}</b> <span>${localTime(time)}</span> <small>${time} · ${t('ago', { time: duration(now.value - Date.parse(time) / 1000) })}</small></li>`;
    })}
  </ol>`;
}

/** @typedef {{ type: string, key: string, localizedText: null | { locale: string, message: string }, parameters: unknown[] | null }} Message */

/**
 * One message of those that say the same in several languages: in the reader's, if there is such a one.
 *
 * @param {Message[]} messages
 */
function inReadersLanguage(messages) {
  const [base] = language.value.split('-');
  /** @type {Map<string, Message>} */
  const chosen = new Map();
  messages.forEach((message, index) => {
    const key = message.key ? JSON.stringify([message.type, message.key, message.parameters]) : String(index);
    if (!chosen.has(key) || message.localizedText?.locale.split(/[-_]/)[0] === base) chosen.set(key, message);
  });
  return [...chosen.values()];
}

const LEVELS = /** @type {Record<string, string>} */ ({ INFO: 'i', WARN: '!', ERROR: '✕' });

/** @param {{ messages: Message[] }} props */
function Messages({ messages }) {
  return html`<ul class="messages">${inReadersLanguage(messages).map(({ type, key, localizedText, parameters }, index) => html`<li key=${index} class=${String(type).toLowerCase()}><span class="level"><span aria-hidden="true">${LEVELS[type] ?? '?'}</span> ${type}</span>
      <div dir="auto" lang=${localizedText?.locale}>${localizedText?.message ?? key}
        ${localizedText && key && html` <code>${key}</code>`}
        ${parameters?.map((parameter, at) => html`<div key=${at} class="parameter">${h(Value, { value: parameter })}</div>`)}</div></li>`)}</ul>`;
}

/** @param {{ task: Task }} props */
function Returns({ task: { returns, attributes } }) {
  return html`<dl class="tree">${returns.map(({ name, attributeName }, index) => html`<div key=${index}>
    <dt title=${attributeName}><bdi>${name}</bdi></dt><dd>${Object.hasOwn(attributes, attributeName) ? h(Value, { value: attributes[attributeName] }) : '–'}</dd></div>`)}</dl>`;
}

/** How many items of a value are shown at once, and how many characters of a string. */
const [ITEMS, CHARACTERS] = [100, 400];

/** The members of an object or array. @param {{ value: object }} props */
function Tree({ value }) {
  const [shown, setShown] = useState(ITEMS);
  const members = Object.entries(value);
  return html`<dl class="tree">
    ${members.slice(0, shown).map(([key, member]) => html`<div key=${key}><dt><bdi>${key}</bdi></dt><dd>${h(Value, { value: member })}</dd></div>`)}
    ${members.length > shown && html`<div><button type="button" onClick=${() => setShown(shown + 10 * ITEMS)}>${t('more', { n: members.length - shown })}</button></div>`}
  </dl>`;
}

/** @param {{ value: unknown }} props */
function Value({ value }) {
  const [open, setOpen] = useState(false);
  if (typeof value === 'string') {
    const long = value.length > CHARACTERS && !open;
    return html`<span class="string" dir="auto">${long ? value.slice(0, CHARACTERS) : value}</span>
      ${long && html`<button type="button" onClick=${() => setOpen(true)}>${t('moreCharacters', { n: value.length - CHARACTERS })}</button>`}`;
  }
  if (value === null || typeof value !== 'object' || value instanceof Numeral) return html`<code class="literal">${String(value)}</code>`;
  const count = Object.keys(value).length;
  const sign = Array.isArray(value) ? `[${count}]` : `{${count}}`;
  if (count === 0) return html`<code class="literal">${sign}</code>`;
  // What is closed is not built: values may be deep and large.
  return html`<details onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}><summary><code>${sign}</code></summary>${open && h(Tree, { value })}</details>`;
}

/** @param {{ task: Task }} props */
function Raw({ task }) {
  const [open, setOpen] = useState(false);
  return html`<details class="raw" onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}><summary>${t('rawJson')}</summary>
    ${open && html`<div>${h(Copy, { label: 'copyJson', text: () => pretty(task) })}<pre tabIndex=${0} dir="ltr">${pretty(task)}</pre></div>`}</details>`;
}

/** @param {{ label: Key, text: () => string }} props */
function Copy({ label, text }) {
  const copy = async () => {
    await navigator.clipboard?.writeText(text());
    announcement.value = t('copied');
  };
  // Only pages of a secure context have a clipboard.
  return navigator.clipboard ? html`<button type="button" onClick=${copy}>${t(label)}</button>` : null;
}
