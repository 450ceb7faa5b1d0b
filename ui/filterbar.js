// The filter: as text with completion, as chips, and as a form.

import { effect, h, html, signal, useRef, useState } from './vendor/preact.js';
import { Problem, request, requestJson, withQuery } from './api.js';
import { FIELDS, allOf, conditions, operators, placeAt, quoted } from './filter.js';
import { t } from './i18n.js';
import { list, timeAgo } from './list.js';
import { filters, go, listFilter, view } from './state.js';

/** @typedef {{ insert: string, hint: string }} Suggestion */
/** @typedef {import('./filter.js').Operator} Operator */

/** What is wrong with the filter, with a position in the user's text. */
export const fault = signal(/** @type {Problem | null} */ (null));

// What the list is asked for is more than the user's filter: the server is asked what is wrong with that alone.
effect(() => {
  const state = list.freshness.value;
  const own = filters.value;
  fault.value = null;
  if (state.kind !== 'failed' || state.problem.status !== 400) return;
  if (!own || own === listFilter.value) {
    fault.value = state.problem;
    return;
  }
  const stop = new AbortController();
  request(withQuery('task-status', { filters: own, limit: 0 }), { signal: stop.signal }).then(
    () => { fault.value = state.problem; },
    (problem) => { if (problem instanceof Problem) fault.value = problem; },
  );
  return () => stop.abort();
});

/** What the field has while the user types, or null if that is the filter of the view. */
const draft = signal(/** @type {string | null} */ (null));
effect(() => {
  void filters.value;
  draft.value = null;
});

const MAX_SUGGESTIONS = 12;

/**
 * What may come next in a filter.
 *
 * @param {import('./filter.js').Place} place
 * @param {AbortSignal} stop
 * @returns {Promise<Suggestion[]>}
 */
async function suggestionsFor({ expects, field, typed }, stop) {
  const matching = (/** @type {Suggestion[]} */ all) => all.filter(({ insert }) => insert.toLowerCase().startsWith(typed.toLowerCase()));
  const fields = Object.keys(FIELDS).map((name) => ({ insert: `${name} `, hint: t('field') }));
  switch (expects) {
    case 'operand':
      return matching([...fields, { insert: 'not ', hint: t('opNot') }]);
    case 'field':
      return matching(fields);
    case 'operator':
      return matching(operators(field).map((name) => ({ insert: name === 'in' || name === 'ca' ? `${name} (` : `${name} `, hint: operatorMeaning(name) })));
    case 'value':
    case 'list':
      return values(field, typed, stop);
    case 'next':
      return [{ insert: ', ', hint: '' }, { insert: ') ', hint: '' }];
    default:
      return matching([{ insert: 'and ', hint: '' }, { insert: 'or ', hint: '' }]);
  }
}

/** @param {string} field @param {string} typed @param {AbortSignal} stop @returns {Promise<Suggestion[]>} */
async function values(field, typed, stop) {
  const type = FIELDS[field];
  if (!type || type.kind === 'number') return [];
  if (type.kind === 'time') {
    if (typed) return [];
    return /** @type {const} */ ([['hourAgo', 3600], ['dayAgo', 86_400], ['weekAgo', 604_800]]).map(([key, ago]) => ({ insert: `${timeAgo(ago)} `, hint: t(key) }));
  }
  const prefix = typed.replace(/^"/, '').replace(/\\(.)/g, '$1');
  if (type.kind === 'names') return named(type.names ?? [], prefix);
  const known = await requestJson(withQuery('task-status/suggestions', { field, prefix, limit: MAX_SUGGESTIONS }), { signal: stop }).catch(() => []);
  return known.map((/** @type {string} */ value) => ({ insert: `${quoted(value)} `, hint: '' }));
}

/** @param {string[]} names @param {string} prefix */
const named = (names, prefix) =>
  names.filter((name) => name.startsWith(prefix.toUpperCase())).map((name) => ({ insert: `${quoted(name)} `, hint: '' }));

const MEANINGS = /** @type {const} */ ({
  eq: 'opEq', ne: 'opNe', gt: 'opGt', ge: 'opGe', lt: 'opLt', le: 'opLe', co: 'opCo', sw: 'opSw', in: 'opIn', ca: 'opCa', pr: 'opPr', isnull: 'opIsNull',
});

/** @param {Operator} operator */
const operatorMeaning = (operator) => t(MEANINGS[operator]);

export function FilterBar() {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [found, setFound] = useState(/** @type {Suggestion[]} */ ([]));
  const [at, setAt] = useState(-1);
  const [form, setForm] = useState(false);
  const asking = useRef(new AbortController());
  const text = draft.value ?? view.value.filters;

  const suggest = async () => {
    const input = field.current;
    if (!input) return;
    asking.current.abort();
    const { signal } = (asking.current = new AbortController());
    const place = placeAt(input.value, input.selectionStart ?? 0);
    // Values come from the server: what was suggested before must not be taken meanwhile.
    if (place.expects === 'value' || place.expects === 'list') setFound([]);
    const next = await suggestionsFor(place, signal);
    if (signal.aborted) return;
    setFound(next.slice(0, 24));
    setAt(-1);
  };
  const close = () => {
    asking.current.abort();
    setFound([]);
    setAt(-1);
  };
  const take = (/** @type {Suggestion} */ { insert }) => {
    const input = field.current;
    if (!input) return;
    const { start, end } = placeAt(input.value, input.selectionStart ?? 0);
    input.setRangeText(insert, start, end, 'end');
    draft.value = input.value;
    input.focus();
    suggest();
  };
  const apply = (/** @type {string} */ wanted) => {
    close();
    go({ filters: wanted.trim() });
    draft.value = null;
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && found.length > 0) {
      const count = found.length + 1;
      setAt(((at + 1 + steps[/** @type {'ArrowDown'} */ (event.key)] + count) % count) - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && at >= 0) take(found[at]);
    else if (event.key === 'Enter') apply(text);
    else if (event.key === 'Escape' && found.length > 0) close();
    else if (event.key === 'Escape') {
      draft.value = null;
      field.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const open = found.length > 0;
  const wrong = fault.value;
  return html`<section class="filter" aria-label=${t('filter')}>
    <div class="bar">
      <div class="field">
        <input id="filter" ref=${field} type="text" role="combobox" class=${wrong ? 'wrong' : ''} value=${text} spellcheck=${false} autocomplete="off" autocapitalize="off"
          aria-label=${t('filter')} aria-expanded=${open} aria-controls="suggestions" aria-autocomplete="list" aria-invalid=${wrong !== null}
          aria-describedby=${wrong ? 'filter-fault' : undefined} aria-activedescendant=${at >= 0 ? `suggestion-${at}` : undefined} placeholder=${t('filterExample')}
          onInput=${() => { draft.value = field.current?.value ?? ''; suggest(); }} onFocus=${suggest} onClick=${suggest} onBlur=${close} onKeyDown=${onKeyDown} />
        <ul id="suggestions" role="listbox" aria-label=${t('suggestions')} hidden=${!open}>
          ${found.map((suggestion, index) => html`<li key=${suggestion.insert} id=${`suggestion-${index}`} role="option" aria-selected=${index === at}
            onPointerDown=${(/** @type {Event} */ event) => { event.preventDefault(); take(suggestion); }}>
            <bdi>${suggestion.insert.trim()}</bdi><span>${suggestion.hint}</span></li>`)}
        </ul>
      </div>
      <button type="button" class="primary" onClick=${() => apply(text)}>${t('apply')}</button>
      <button type="button" aria-expanded=${form} onClick=${() => setForm(!form)}>${t('addCondition')}</button>
    </div>
    ${wrong && h(Marked, { problem: wrong, filter: view.value.filters })}
    ${form && h(Form, { onAdd: (condition) => apply(allOf([...conditions(view.value.filters), condition])) })}
    ${h(Chips, {})}
  </section>`;
}

/** The fault with the filter, marked where it is. @param {{ problem: Problem, filter: string }} props */
function Marked({ problem, filter }) {
  const characters = [...filter];
  const index = problem.position === null ? null : problem.position - 1;
  // A word is marked as a whole.
  const rest = index === null ? '' : characters.slice(index).join('');
  const marked = /^"[^"]*"?|^[^\s"(),]+|^./u.exec(rest)?.[0] ?? ' ';
  return html`<div class="fault" id="filter-fault" role="alert">
    ${index !== null && html`<code dir="ltr">${characters.slice(0, index).join('')}<mark>${marked}</mark>${rest.slice(marked.length)}</code>`}
    ${problem.texts.map((text) => html`<p key=${text}>${text}</p>`)}
  </div>`;
}

function Chips() {
  const all = conditions(view.value.filters);
  if (all.length === 0) return null;
  return html`<ul class="chips" aria-label=${t('conditions')}>
    ${all.map((condition) => html`<li key=${condition}><code dir="auto" title=${condition}>${condition}</code><button type="button" aria-label=${t('removeCondition', { condition })}
      onClick=${() => go({ filters: allOf(all.filter((other) => other !== condition)) })}>×</button></li>`)}
    ${all.length > 1 && html`<li class="all"><button type="button" onClick=${() => go({ filters: '' })}>${t('clearFilter')}</button></li>`}
  </ul>`;
}

/** A condition for those who do not know the language. @param {{ onAdd: (condition: string) => void }} props */
function Form({ onAdd }) {
  const [field, setField] = useState('launcher');
  const [operator, setOperator] = useState(/** @type {Operator} */ ('eq'));
  const [value, setValue] = useState('');
  const [known, setKnown] = useState(/** @type {string[]} */ ([]));
  const { kind, names } = FIELDS[field];
  const needsValue = operator !== 'pr' && operator !== 'isnull';
  const ask = (/** @type {string} */ prefix) => {
    if (kind !== 'text' && kind !== 'kind') return;
    requestJson(withQuery('task-status/suggestions', { field, prefix, limit: MAX_SUGGESTIONS })).then(setKnown, () => setKnown([]));
  };
  const add = (/** @type {Event} */ event) => {
    event.preventDefault();
    onAdd(condition(field, operator, value));
    setValue('');
  };
  const type = { time: 'datetime-local', number: 'number', text: 'text', kind: 'text', names: 'text' }[kind];
  return html`<form class="add" onSubmit=${add}>
    <label>${t('field')} <select value=${field} onChange=${(/** @type {any} */ { target }) => { setField(target.value); setOperator(operators(target.value)[0]); setValue(''); setKnown([]); }}>
      ${Object.keys(FIELDS).map((name) => html`<option key=${name}>${name}</option>`)}</select></label>
    <label>${t('operator')} <select value=${operator} onChange=${(/** @type {any} */ { target }) => setOperator(target.value)}>
      ${operators(field).map((name) => html`<option key=${name} value=${name}>${operatorMeaning(name)}</option>`)}</select></label>
    ${needsValue && html`<label class="value">${t(operator === 'in' || operator === 'ca' ? 'valuesWithCommas' : 'value')}
      ${kind === 'names'
        ? html`<select value=${value} required onChange=${(/** @type {any} */ { target }) => setValue(target.value)}><option value=""></option>
            ${names?.map((name) => html`<option key=${name}>${name}</option>`)}</select>`
        : html`<input type=${type} step="any" required value=${value} list="known-values" onFocus=${() => ask(value)}
            onInput=${(/** @type {any} */ { target }) => { setValue(target.value); ask(target.value); }} />
          <datalist id="known-values">${known.map((one) => html`<option key=${one} value=${one}></option>`)}</datalist>`}
    </label>`}
    <button type="submit">${t('add')}</button>
  </form>`;
}

/** @param {string} field @param {Operator} operator @param {string} value As it was entered. */
function condition(field, operator, value) {
  if (operator === 'isnull') return `${field} isnull`;
  if (operator === 'pr') return `pr ${field}`;
  const literal = (/** @type {string} */ text) => {
    const { kind } = FIELDS[field];
    if (kind === 'number') return text;
    return quoted(kind === 'time' ? new Date(text).toISOString() : text);
  };
  if (operator !== 'in' && operator !== 'ca') return `${field} ${operator} ${literal(value)}`;
  return `${field} ${operator} (${value.split(',').map((part) => literal(part.trim())).join(', ')})`;
}
