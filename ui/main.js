// The page: its frame, and what the keys do.

import { Fragment, effect, h, html, render, useEffect, useRef } from './vendor/preact.js';
import { Actions, ClearDialog, clearTasks, mayAct } from './act.js';
import { config, ready, requestJson } from './api.js';
import { FilterBar } from './filterbar.js';
import { LiveState, Trouble } from './freshness.js';
import { LANGUAGES, language, number, t } from './i18n.js';
import { Changes, List, Pager, moveCursor, rows, showChanges, toggleSelected, total } from './list.js';
import { paused } from './live.js';
import { Columns, Export, Menu, Views } from './menus.js';
import { Groups, Now } from './now.js';
import { Account, SignInDialog, completeSignIn } from './signin.js';
import { SHOWS, announcement, cursor, dialog, go, view } from './state.js';
import { stored } from './storage.js';
import { TaskPanel } from './task.js';

const theme = stored('theme', /** @type {'auto' | 'light' | 'dark'} */ ('auto'));
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

function Header() {
  return html`<header>
    <a class="brand" href="."><img src="ui/icon.svg" alt="" width="26" height="26" /> ${t('title')}</a>
    <nav class="shows" aria-label=${t('lists')}>
      ${SHOWS.map((show) => html`<a key=${show} href=${`?show=${show}`} aria-current=${view.value.show === show ? 'page' : undefined}
        onClick=${(/** @type {MouseEvent} */ event) => { event.preventDefault(); go({ show }); }}>${t(show)}</a>`)}
    </nav>
    ${h(LiveState, {})}
    <div class="tools">
      ${h(Account, {})}
      <select aria-label=${t('language')} value=${language.value} onChange=${(/** @type {any} */ event) => { language.value = event.target.value; }}>
        ${Object.entries(LANGUAGES).map(([tag, name]) => html`<option key=${tag} value=${tag} lang=${tag}>${name}</option>`)}</select>
      <select aria-label=${t('theme')} value=${theme.value} onChange=${(/** @type {any} */ event) => { theme.value = event.target.value; }}>
        ${/** @type {const} */ (['auto', 'light', 'dark']).map((choice) => html`<option key=${choice} value=${choice}>${t(choice)}</option>`)}</select>
      <a href="docs">API</a>
      <button type="button" class="icon" aria-label=${t('help')} title=${`${t('help')} ( ? )`} onClick=${() => { dialog.value = 'help'; }}>?</button>
    </div>
  </header>`;
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
        <section id="list" class="list" tabIndex=${-1} aria-labelledby="list-title">
          <div class="list-head"><h2 id="list-title">${t(view.value.show)} <span class="total">${total.value === null ? '' : number(total.value)}</span></h2>
            ${h(Actions, { total: total.value })} ${h(Changes, {})}
            <span class="menus">${h(Menu, { label: t('views') }, h(Views, {}))} ${h(Menu, { label: t('columns') }, h(Columns, {}))}
              ${h(Menu, { label: t('export') }, h(Export, {}))}</span></div>
          ${h(List, { canAct: mayAct.value })}
          ${h(Pager, {})}
        </section>
      </div>
    </main>
    ${h(TaskPanel, { actions: (task) => mayAct.value && task.completionStatus === null && html`<button type="button" class="danger"
      onClick=${() => clearTasks(new Map([[task.id, task.uniqueName]]))}>${t('clear')}</button>` })}
    ${h(ClearDialog, {})} ${h(SignInDialog, {})} ${h(HelpDialog, {})}
    <div class="unseen" role="status">${announcement.value}</div>
  <//>`;
}

/** What the help says about the keys. @type {[string, import('./i18n.js').Key][]} */
const HELP = [
  ['/', 'keyFilter'], ['j  k', 'keyMove'], ['Enter', 'keyOpen'], ['Esc', 'keyClose'], ['x', 'keySelect'], ['.', 'keyChanges'], ['p', 'keyPause'], ['?', 'keyHelp'],
];

function HelpDialog() {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const open = dialog.value === 'help';
  useEffect(() => {
    if (open) box.current?.showModal();
  }, [open]);
  if (!open) return null;
  return html`<dialog ref=${box} aria-labelledby="help-title" onClose=${() => { dialog.value = null; }}><div class="dialog">
    <h2 id="help-title">${t('help')}</h2>
    <dl class="keys">${HELP.map(([key, meaning]) => html`<div key=${key}><dt>${key.split('  ').map((one) => html`<kbd key=${one}>${one}</kbd>`)}</dt><dd>${t(meaning)}</dd></div>`)}</dl>
    <p class="quiet">${t('helpRows')}</p>
    <p class="quiet">task-status ${config.value?.version ?? ''} · <a href="docs">${t('apiDocs')}</a></p>
    <div class="buttons"><button type="button" class="primary" onClick=${() => box.current?.close()}>${t('close')}</button></div>
  </div></dialog>`;
}

/** @type {Record<string, () => void>} */
const KEYS = {
  '/': () => document.getElementById('filter')?.focus(),
  j: () => moveCursor(1),
  k: () => moveCursor(-1),
  Enter: () => { if (cursor.value !== null) go({ task: cursor.value }); },
  x: () => {
    const row = rows.value.find(({ task, gone }) => task.id === cursor.value && !gone && task.completionStatus === null);
    if (row) toggleSelected(row.task.id, row.task.uniqueName);
  },
  p: () => { paused.value = !paused.value; },
  '.': showChanges,
  '?': () => { dialog.value = 'help'; },
  Escape: () => go({ task: null }),
};

addEventListener('keydown', (event) => {
  const { target } = event;
  const busy = target instanceof Element && target.closest('input:not([type=checkbox]), select, textarea, dialog');
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || busy || dialog.value) return;
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
