// The menus of the list: named views, columns, export.

import { h, html, signal, useEffect, useRef, useState } from './vendor/preact.js';
import { Problem, request, withQuery } from './api.js';
import { t } from './i18n.js';
import { columnLabel } from './list.js';
import { Fault, withValue } from './parts.js';
import { COLUMNS, format, go, listFilter, parse, view } from './state.js';
import { stored } from './storage.js';

/** @typedef {import('./i18n.js').Key} Key */

/** A button with what it opens; a click elsewhere closes it. @param {{ label: string, children?: unknown }} props */
export function Menu({ label, children }) {
  const box = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      const inside = event.target instanceof Node && box.current?.contains(event.target);
      if (box.current?.open && (!inside || (event instanceof KeyboardEvent && event.key === 'Escape'))) {
        box.current.open = false;
        if (inside) box.current.querySelector('summary')?.focus();
      }
    };
    addEventListener('pointerdown', close);
    box.current?.addEventListener('keydown', close);
    return () => removeEventListener('pointerdown', close);
  }, []);
  return html`<details class="menu" ref=${box}>
    <summary>${label}</summary>
    <div class="menu-body">${children}</div>
  </details>`;
}

/** Queries of the page by name. */
const views = stored('views', /** @type {Record<string, string>} */ ({}));

export function Views() {
  const [name, setName] = useState('');
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    views.value = { ...views.value, [name.trim()]: format({ ...view.value, page: 1, task: null }) };
    setName('');
  };
  const remove = (/** @type {string} */ gone) => {
    views.value = Object.fromEntries(Object.entries(views.value).filter(([other]) => other !== gone));
  };
  const open = (/** @type {Event} */ event, /** @type {string} */ query) => {
    event.preventDefault();
    go(parse(query));
  };
  const known = Object.entries(views.value).map(([title, query]) => html`<li key=${title}>
    <a href=${query} onClick=${(/** @type {Event} */ event) => open(event, query)}><bdi>${title}</bdi></a>
    <button type="button" class="icon" aria-label=${t('removeView', { name: title })}
      onClick=${() => remove(title)}>×</button>
  </li>`);
  return html`${known.length === 0 ? html`<p class="quiet">${t('noViews')}</p>` : html`<ul class="views">${known}</ul>`}
    <form class="inline" onSubmit=${save}>
      <input required pattern=".*\\S.*" maxlength="80" aria-label=${t('viewName')} placeholder=${t('viewName')} value=${name}
        onInput=${withValue(setName)} />
      <button type="submit">${t('saveView')}</button>
    </form>`;
}

export function Columns() {
  const { columns } = view.value;
  const change = (/** @type {string} */ name) =>
    go({ columns: COLUMNS.filter((column) => (column === name) !== columns.includes(column)) }, { replace: true });
  return html`<fieldset class="checks"><legend class="unseen">${t('columns')}</legend>
    ${COLUMNS.map((name) => html`<label key=${name}>
      <input type="checkbox" checked=${columns.includes(name)} onChange=${() => change(name)} />
      ${columnLabel(name)}
    </label>`)}
  </fieldset>`;
}

const exporting = signal(/** @type {Key | null} */ (null));
const exportProblem = signal(/** @type {Problem | null} */ (null));

const MEDIA_TYPES = { csv: 'text/csv', ndjson: 'application/x-ndjson' };

/** Saves the whole list. A link could not send the token. @param {'csv' | 'ndjson'} kind */
async function save(kind) {
  exporting.value = 'exporting';
  exportProblem.value = null;
  try {
    const path = withQuery('task-status', { filters: listFilter.value, sorters: view.value.sorters });
    const response = await request(path, { headers: { Accept: MEDIA_TYPES[kind] } });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await response.blob());
    link.download = `tasks-${new Date().toISOString().slice(0, 19).replace(/\D/g, '')}.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    exporting.value = 'exported';
  } catch (error) {
    // A stream that breaks off is an error as well: no part is taken for the whole.
    exporting.value = null;
    exportProblem.value = error instanceof Problem ? error : new Problem(0, []);
  }
}

export function Export() {
  const problem = exportProblem.value;
  const busy = exporting.value === 'exporting';
  return html`<p class="quiet">${t('exportMeaning')}</p>
    <div class="buttons">
      <button type="button" disabled=${busy} onClick=${() => save('csv')}>CSV</button>
      <button type="button" disabled=${busy} onClick=${() => save('ndjson')}>NDJSON</button>
    </div>
    <p role="status">${exporting.value && t(exporting.value)}</p>
    ${problem && h(Fault, { problem })}`;
}
