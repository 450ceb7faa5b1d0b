// The page: its frame, and what the keys do.

import { Fragment, effect, h, html, render } from './vendor/preact.js';
import { Actions, ClearDialog, clearTasks, mayAct } from './act.js';
import { config, ready, requestJson } from './api.js';
import { FilterBar } from './filterbar.js';
import { LiveState, Trouble } from './freshness.js';
import { LANGUAGES, language, number, t } from './i18n.js';
import { Changes, List, Pager, canClear, moveCursor, rows, showChanges, toggleSelected, total } from './list.js';
import { paused } from './live.js';
import { Columns, Export, Menu, Views } from './menus.js';
import { Groups, Now } from './now.js';
import { Dialog, Select, closeDialog } from './parts.js';
import { Account, SignInDialog, completeSignIn } from './signin.js';
import { SHOWS, announcement, cursor, dialog, go, view } from './state.js';
import { stored } from './storage.js';
import { TaskPanel } from './task.js';

/** @typedef {typeof THEMES[number]} Theme */
const THEMES = /** @type {const} */ (['auto', 'light', 'dark']);
const theme = stored('theme', /** @type {Theme} */ ('auto'));
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

/** A link that changes the list without loading the page anew. @param {{ show: typeof SHOWS[number] }} props */
function ShowLink({ show }) {
  const choose = (/** @type {Event} */ event) => {
    event.preventDefault();
    go({ show });
  };
  const current = view.value.show === show ? 'page' : undefined;
  return html`<a href=${`?show=${show}`} aria-current=${current} onClick=${choose}>${t(show)}</a>`;
}

const showHelp = () => {
  dialog.value = 'help';
};

function Header() {
  const languages = {
    label: t('language'),
    value: language.value,
    options: Object.keys(LANGUAGES),
    text: (/** @type {string} */ tag) => LANGUAGES[/** @type {keyof typeof LANGUAGES} */ (tag)],
    onChoose: (/** @type {string} */ tag) => {
      language.value = tag;
    },
  };
  const themes = {
    label: t('theme'),
    value: theme.value,
    options: THEMES,
    text: (/** @type {string} */ name) => t(/** @type {Theme} */ (name)),
    onChoose: (/** @type {string} */ name) => {
      theme.value = /** @type {Theme} */ (name);
    },
  };
  return html`<header>
    <a class="brand" href="."><img src="ui/icon.svg" alt="" width="26" height="26" /> ${t('title')}</a>
    <nav class="shows" aria-label=${t('lists')}>${SHOWS.map((show) => h(ShowLink, { key: show, show }))}</nav>
    ${h(LiveState, {})}
    <div class="tools">
      ${h(Account, {})} ${h(Select, languages)} ${h(Select, themes)}
      <a href="docs">API</a>
      <button type="button" class="icon" aria-label=${t('help')} title=${`${t('help')} ( ? )`}
        onClick=${showHelp}>?</button>
    </div>
  </header>`;
}

/** What can be done with an open task. @param {import('./api.js').Task} task */
function taskActions(task) {
  if (!mayAct.value || task.completionStatus !== null) return null;
  const clear = () => clearTasks(new Map([[task.id, task.uniqueName]]));
  return html`<button type="button" class="danger" onClick=${clear}>${t('clear')}</button>`;
}

function ListSection() {
  const count = total.value === null ? '' : number(total.value);
  return html`<section id="list" class="list" tabIndex=${-1} aria-labelledby="list-title">
    <div class="list-head">
      <h2 id="list-title">${t(view.value.show)} <span class="total">${count}</span></h2>
      ${h(Actions, { total: total.value })} ${h(Changes, {})}
      <span class="menus">
        ${h(Menu, { label: t('views') }, h(Views, {}))}
        ${h(Menu, { label: t('columns') }, h(Columns, {}))}
        ${h(Menu, { label: t('export') }, h(Export, {}))}
      </span>
    </div>
    ${h(List, { canAct: mayAct.value })}
    ${h(Pager, {})}
  </section>`;
}

function Page() {
  return html`<${Fragment}>
    <a class="skip" href="#list">${t('skip')}</a>
    ${h(Header, {})}
    ${h(Trouble, {})}
    <main>
      <h1 class="unseen">${t('title')}</h1>
      ${h(Now, {})}
      ${h(FilterBar, {})}
      <div class="columns">
        <aside aria-label=${t('groups')}>${h(Groups, {})}</aside>
        ${h(ListSection, {})}
      </div>
    </main>
    ${h(TaskPanel, { actions: taskActions })}
    ${h(ClearDialog, {})} ${h(SignInDialog, {})} ${h(HelpDialog, {})}
    <div class="unseen" role="status">${announcement.value}</div>
  <//>`;
}

/** What the help says about the keys. @type {[string[], import('./i18n.js').Key][]} */
const HELP = [
  [['/'], 'keyFilter'],
  [['j', 'k'], 'keyMove'],
  [['Enter'], 'keyOpen'],
  [['Esc'], 'keyClose'],
  [['x'], 'keySelect'],
  [['.'], 'keyChanges'],
  [['←', '→'], 'keyChart'],
  [['p'], 'keyPause'],
  [['?'], 'keyHelp'],
];

function HelpDialog() {
  const keys = HELP.map(([names, meaning]) => html`<div key=${meaning}>
    <dt>${names.map((name) => html`<kbd key=${name}>${name}</kbd>`)}</dt><dd>${t(meaning)}</dd></div>`);
  const content = html`<div class="dialog">
    <h2 id="help-title">${t('help')}</h2>
    <dl class="keys">${keys}</dl>
    <p class="quiet">${t('helpRows')}</p>
    <p class="quiet">task-status ${config.value?.version ?? ''} · <a href="docs">${t('apiDocs')}</a></p>
    <div class="buttons">
      <button type="button" class="primary" autofocus onClick=${closeDialog}>${t('close')}</button>
    </div>
  </div>`;
  return h(Dialog, { name: 'help' }, content);
}

/** @type {Record<string, () => void>} */
const KEYS = {
  '/': () => document.getElementById('filter')?.focus(),
  j: () => moveCursor(1),
  k: () => moveCursor(-1),
  Enter: () => go({ task: cursor.value }),
  x: () => {
    const row = rows.value.find(({ task }) => task.id === cursor.value);
    if (mayAct.value && row && canClear(row)) toggleSelected(row.task);
  },
  p: () => {
    paused.value = !paused.value;
  },
  '.': showChanges,
  '?': showHelp,
  Escape: () => go({ task: null }),
};

addEventListener('keydown', (event) => {
  const { target } = event;
  const types = target instanceof Element && target.closest('input:not([type=checkbox]), select, textarea');
  const busy = types || document.querySelector('dialog[open]');
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || busy) return;
  if (event.key === 'Enter' && !(target instanceof HTMLTableRowElement)) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

requestJson('ui/config.json').then(
  (settings) => {
    config.value = settings;
    return completeSignIn();
  },
  () => {
    // Without it the page reads, and offers nothing else.
    ready.value = true;
  },
);
render(h(Page, {}), /** @type {HTMLElement} */ (document.getElementById('page')));
