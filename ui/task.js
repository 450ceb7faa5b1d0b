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
    // It is in sight, and its beginning may be above it.
    panel.current?.focus({ preventScroll: true });
  }, [id.value]);
  const close = () => {
    go({ task: null });
    const row = cursor.value === null ? null : document.getElementById(`row-${cursor.value}`);
    (row ?? /** @type {HTMLElement | null} */ (opener.current))?.focus();
    opener.current = null;
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  };
  if (id.value === null) return null;
  const task = openTask.value;
  const state = live.freshness.value;
  // A task that is shown stays, with what the list says of its freshness, unless it is deleted.
  const problem = state.kind === 'failed' && (!task || state.problem.status === 404) ? state.problem : null;
  const label = t('close');
  return html`<div class="beside"><aside class="task" ref=${panel} tabIndex=${-1} aria-labelledby="task-title" onKeyDown=${onKeyDown}>
    <div class="task-head">
      <h2 id="task-title" dir="auto">${task?.uniqueName || id.value}</h2>
      <button type="button" class="icon" aria-label=${label} title=${`${label} ( Esc )`} onClick=${close}>×</button>
    </div>
    ${problem && h(Fault, { problem })}
    ${task && h(Details, { task, actions })}
    ${!task && !problem && html`<p class="quiet">${t('loading')}</p>`}
  </aside></div>`;
}

/** @param {{ task: Task, actions: (task: Task) => unknown }} props */
function Details({ task, actions }) {
  const { description, messages, returns, attributes, taskDefinitionSummary: definition } = task;
  const link = format({ ...view.value, task: task.id });
  return html`<div class="details">
    ${description && html`<p class="description">${h(Value, { value: description })}</p>`}
    <div class="task-state">
      ${h(Status, { status: task.completionStatus })}
      ${h(Progress, { percent: task.percentComplete, label: t('progress') })} <b>${task.percentComplete}%</b>
      ${task.progress && html`<span class="quiet">${h(Value, { value: task.progress })}</span>`}
    </div>
    <div class="actions">
      ${actions(task)}
      ${h(Copy, { label: 'copyLink', text: () => new URL(link, location.href).href })}
      ${h(Copy, { label: 'copyId', text: () => task.id })}
      <a href=${taskPath(task.id)} target="_blank" rel="noreferrer">API</a>
    </div>
    ${h(Timeline, { task })}
    ${h(Facts, { task })}
    ${messages.length > 0 && h(Section, { title: t('messages') }, h(Messages, { messages }))}
    ${returns.length > 0 && h(Section, { title: t('returns') }, h(Returns, { task }))}
    ${
      Object.keys(attributes).length > 0 &&
      h(Section, { title: t('attributes') }, h(Tree, { value: attributes }))
    }
    ${definition && h(Section, { title: t('definition') }, h(Tree, { value: definition }))}
    ${h(Raw, { task })}
  </div>`;
}

/** @param {{ task: Task }} props */
function Facts({ task: { id, type, launcher, target, parentName } }) {
  const fact = (/** @type {Key} */ label, /** @type {unknown} */ value) =>
    value && html`<div><dt>${t(label)}</dt><dd><bdi>${value}</bdi></dd></div>`;
  return html`<dl class="facts">
    ${fact('type', type)}
    ${fact('launcher', launcher)}
    ${target && fact('target', target.name || '–')}
    ${target && fact('targetId', html`<code>${target.id}</code> <small>${target.type ?? ''}</small>`)}
    ${fact('parent', parentName)}
    ${fact('id', html`<code>${id}</code>`)}
  </dl>`;
}

/** @param {{ title: string, children?: unknown }} props */
const Section = ({ title, children }) => html`<section><h3>${title}</h3>${children}</section>`;

/** When what happened, and how long it took. @param {{ task: Task }} props */
function Timeline({ task: { created, launched, modified, completed, completionStatus } }) {
  const stations = /** @type {[Key, string | null][]} */ ([
    ['created', created],
    ['launched', launched],
    completionStatus === null ? ['lastSign', modified] : ['ended', completed],
  ]);
  const reached = /** @type {[Key, string][]} */ (stations.filter(([, time]) => time !== null));
  return html`<ol class="timeline">
    ${reached.map(([name, time], index) => {
      const before = reached[index - 1];
      const seconds = before ? (Date.parse(time) - Date.parse(before[1])) / 1000 : -1;
      const took = before?.[0] === 'launched' ? 'ran' : 'waited';
      const ago = duration(now.value - Date.parse(time) / 1000);
      return html`<li key=${name} class=${name}>
        ${seconds >= 0 && html`<span class="took">${t(took, { time: duration(seconds) })}</span>`}
        <b>${t(name)}</b> <span>${localTime(time)}</span> <small>${time} · ${t('ago', { time: ago })}</small></li>`;
    })}
  </ol>`;
}

/**
 * @typedef {object} Message
 * @property {string} type
 * @property {string} key
 * @property {null | { locale: string, message: string }} localizedText
 * @property {unknown[] | null} parameters
 */

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
  return html`<ul class="messages">
    ${inReadersLanguage(messages).map((message, index) => h(MessageItem, { key: index, message }))}
  </ul>`;
}

/** @param {{ message: Message }} props */
function MessageItem({ message: { type, key, localizedText, parameters } }) {
  return html`<li class=${String(type).toLowerCase()}>
    <span class="level"><span aria-hidden="true">${LEVELS[type] ?? '?'}</span> ${type}</span>
    <div dir="auto" lang=${localizedText?.locale}>
      ${localizedText?.message ?? key} ${localizedText && key && html`<code>${key}</code>`}
      ${parameters?.map((value, at) => html`<div key=${at}>${h(Value, { value })}</div>`)}
    </div>
  </li>`;
}

/** @param {{ task: Task }} props */
function Returns({ task: { returns, attributes } }) {
  return html`<dl class="tree">
    ${returns.map(({ name, attributeName }, index) => {
      const has = Object.hasOwn(attributes, attributeName);
      return html`<div key=${index}><dt title=${attributeName}><bdi>${name}</bdi></dt>
        <dd>${has ? h(Value, { value: attributes[attributeName] }) : '–'}</dd></div>`;
    })}
  </dl>`;
}

/** How many items of a value are shown at once, and how many characters of a string. */
const [ITEMS, CHARACTERS] = [100, 400];

/** The members of an object or array. @param {{ value: object }} props */
function Tree({ value }) {
  const [shown, setShown] = useState(ITEMS);
  const members = Object.entries(value);
  const hidden = members.length - shown;
  const showMore = () => setShown(shown + 10 * ITEMS);
  const more = html`<button type="button" onClick=${showMore}>${t('more', { n: hidden })}</button>`;
  return html`<dl class="tree">
    ${members.slice(0, shown).map(([key, member]) => html`<div key=${key}>
      <dt><bdi>${key}</bdi></dt><dd>${h(Value, { value: member })}</dd></div>`)}
    ${hidden > 0 && html`<div><dt>${more}</dt></div>`}
  </dl>`;
}

/** @param {{ value: unknown }} props */
function Value({ value }) {
  if (typeof value === 'string') return h(Text, { text: value });
  if (value === null || typeof value !== 'object' || value instanceof Numeral) {
    return html`<code class="literal">${String(value)}</code>`;
  }
  const count = Object.keys(value).length;
  const sign = html`<code>${Array.isArray(value) ? `[${count}]` : `{${count}}`}</code>`;
  return count === 0 ? sign : h(Fold, { label: sign, content: () => h(Tree, { value }) });
}

/** A string; a long one in two steps. @param {{ text: string }} props */
function Text({ text }) {
  const [whole, setWhole] = useState(false);
  const hidden = whole ? 0 : text.length - CHARACTERS;
  return html`<span class="string" dir="auto">${hidden > 0 ? text.slice(0, CHARACTERS) : text}</span>
    ${
      hidden > 0 &&
      html` <button type="button" onClick=${() => setWhole(true)}>${t('moreCharacters', { n: hidden })}</button>`
    }`;
}

/**
 * Something that is opened. What is closed is not built: values may be deep and large.
 *
 * @param {{ label: unknown, content: () => unknown, kind?: string }} props
 */
function Fold({ label, content, kind = '' }) {
  const [open, setOpen] = useState(false);
  const toggle = (/** @type {Event} */ event) => setOpen(/** @type {HTMLDetailsElement} */ (event.currentTarget).open);
  return html`<details class=${kind} onToggle=${toggle}><summary>${label}</summary>${open && content()}</details>`;
}

/** @param {{ task: Task }} props */
function Raw({ task }) {
  const content = () => html`${h(Copy, { label: 'copyJson', text: () => pretty(task) })}
    <pre tabIndex=${0} dir="ltr">${pretty(task)}</pre>`;
  return h(Fold, { kind: 'raw', label: t('rawJson'), content });
}

/** @param {{ label: Key, text: () => string }} props */
function Copy({ label, text }) {
  // Only pages of a secure context have a clipboard.
  if (!navigator.clipboard) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    announcement.value = t('copied');
  };
  return html`<button type="button" onClick=${copy}>${t(label)}</button>`;
}
