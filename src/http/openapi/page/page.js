'use strict';
// Draws the OpenAPI document of the page. Everything is made with createElement: no text of the document becomes markup.

const api = JSON.parse(document.getElementById('document').textContent);
const main = document.getElementById('content');
const navigation = document.getElementById('navigation');
const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

/** An element with attributes and children. */
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') element.addEventListener(key, value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null));
  return element;
}

/** What a local reference stands for. */
function resolve(value) {
  while (value && value.$ref) {
    value = value.$ref.slice(2).split('/').reduce((found, key) => found[key], api);
  }
  return value || {};
}

const nameOf = (reference) => reference.split('/').pop();

// --- The Markdown that descriptions use: paragraphs, tables, bold, code.

function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith('`')) return h('code', {}, part.slice(1, -1));
    if (part.startsWith('**')) return h('strong', {}, part.slice(2, -2));
    return part;
  });
}

function markdown(text) {
  if (!text) return [];
  return text.trim().split(/\n\s*\n/).map((block) => {
    if (!block.startsWith('|')) return h('p', {}, inline(block));
    const [head, , ...rows] = block.split('\n').map((row) => row.slice(1, row.lastIndexOf('|')).split('|').map((cell) => cell.trim()));
    return h('table', {},
      h('thead', {}, h('tr', {}, head.map((cell) => h('th', { scope: 'col' }, inline(cell))))),
      h('tbody', {}, rows.map((row) => h('tr', {}, row.map((cell) => h('td', {}, inline(cell)))))));
  });
}

// --- Schemas.

/** The type in a few words, with links to what it refers to. */
function type(schema) {
  if (schema === true || schema === undefined) return ['any value'];
  if (schema.$ref) return [h('a', { href: `#schema-${nameOf(schema.$ref)}` }, nameOf(schema.$ref))];
  for (const [key, word] of [['oneOf', ' or '], ['anyOf', ' or '], ['allOf', ' with ']]) {
    if (schema[key]) return schema[key].flatMap((part, index) => (index ? [word, ...type(part)] : type(part)));
  }
  const types = [schema.type || 'any value'].flat();
  return types.flatMap((name, index) => {
    const shown = name === 'array' && schema.items ? ['array of ', ...type(schema.items)] : [name];
    return index ? [' or ', ...shown] : shown;
  });
}

/** Whether a schema has more to show than its type. */
const hasMembers = (schema) => schema && (schema.properties || (schema.items && hasMembers(schema.items)));

function facts(schema) {
  const found = [];
  const code = (value) => h('code', {}, typeof value === 'string' ? value : JSON.stringify(value));
  if (schema.format) found.push(['format ', code(schema.format)]);
  if (schema.enum) found.push([schema.enum.length > 1 ? 'one of ' : 'always ', schema.enum.flatMap((value, index) => (index ? [' ', code(value)] : [code(value)]))]);
  if (schema.default !== undefined) found.push(['default ', code(schema.default)]);
  if (schema.minimum !== undefined) found.push(['from ', code(schema.minimum)]);
  if (schema.maximum !== undefined) found.push(['to ', code(schema.maximum)]);
  if (schema.minLength !== undefined) found.push(['at least ', code(schema.minLength), schema.minLength === 1 ? ' character' : ' characters']);
  if (schema.maxLength !== undefined) found.push(['at most ', code(schema.maxLength), ' characters']);
  if (schema.maxItems !== undefined) found.push(['at most ', code(schema.maxItems), ' items']);
  if (schema.pattern) found.push(['pattern ', code(schema.pattern)]);
  const example = schema.examples ? schema.examples : schema.example !== undefined ? [schema.example] : [];
  if (example.length && example.every((value) => typeof value !== 'object')) {
    found.push([example.length > 1 ? 'examples ' : 'example ', example.flatMap((value, index) => (index ? [' ', code(value)] : [code(value)]))]);
  }
  return found.length ? h('div', { class: 'facts' }, found.map((fact) => h('span', {}, fact))) : null;
}

/** What a schema says of itself, or a part of it, or what it refers to. */
function about(schema) {
  const parts = [schema, ...(schema.oneOf || [])];
  return (parts.find((part) => part.description) || parts.map(resolve).find((part) => part.description) || {}).description;
}

function item(name, schema, need, place, description) {
  return h('div', { class: 'item' },
    h('div', { class: 'name' }, name, place ? h('span', { class: 'in' }, place) : null, need ? h('span', { class: 'need' }, need) : null),
    h('div', {},
      h('div', { class: 'type' }, type(schema)),
      markdown(description || about(schema)),
      facts(schema),
      hasMembers(schema) ? h('div', { class: 'nested' }, members(schema)) : null));
}

/** The members of an object, the variants of a choice, the items of an array. */
function members(schema) {
  if (schema.$ref) return [h('p', { class: 'type' }, type(schema))];
  const parts = [];
  if (schema.properties) {
    parts.push(h('div', { class: 'list' }, Object.entries(schema.properties).map(([name, property]) => item(name, property, (schema.required || []).includes(name) && 'required'))));
  }
  for (const [key, word] of [['oneOf', 'One of these:'], ['anyOf', 'Any of these:'], ['allOf', 'All of these:']]) {
    // Conditions are said in words.
    const shown = (schema[key] || []).filter((part) => !part.if);
    if (shown.length) {
      parts.push(h('p', { class: 'quiet' }, word), shown.map((part) => h('div', { class: 'nested' },
        part.$ref ? h('p', {}, type(part)) : [h('p', { class: 'type' }, type(part)), markdown(part.description), members(part)])));
    }
  }
  if (schema.items) parts.push(schema.items.properties ? members(schema.items) : h('p', { class: 'type' }, type(schema)));
  return parts;
}

// --- Examples and commands.

function copyable(text, wrap) {
  const button = h('button', { type: 'button', click: () => copy(text, button) }, 'Copy');
  return h('div', { class: wrap ? 'copyable wrap' : 'copyable' }, h('pre', { tabindex: '0' }, h('code', {}, text)), button);
}

async function copy(text, button) {
  let said = 'Copied';
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not a secure context: what is selected can be copied by hand.
    getSelection().selectAllChildren(button.parentElement.querySelector('code'));
    said = 'Selected';
  }
  button.textContent = said;
  setTimeout(() => { button.textContent = 'Copy'; }, 1500);
}

const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

/** The examples of a media type: its own, or else those of its schema. */
function examplesOf(content) {
  if (content.examples) return Object.values(content.examples).map(resolve).map((example) => [example.summary || 'Example', example.value]);
  if (content.example !== undefined) return [['Example', content.example]];
  const schema = resolve(content.schema);
  return (schema.examples || []).map((value, index) => [`Example ${index + 1}`, value]);
}

/** Examples, one at a time. Arrow keys change between them. */
function examples(all) {
  if (!all.length) return null;
  if (all.length === 1) return copyable(shown(all[0][1]));
  const panel = h('div', { role: 'tabpanel' });
  const tabs = all.map(([name, value], index) => h('button', {
    type: 'button', role: 'tab', click: () => select(index),
    keydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) select((index + step + all.length) % all.length).focus();
    },
  }, name));
  function select(chosen) {
    tabs.forEach((tab, index) => {
      tab.setAttribute('aria-selected', index === chosen);
      tab.tabIndex = index === chosen ? 0 : -1;
    });
    panel.replaceChildren(copyable(shown(all[chosen][1])));
    return tabs[chosen];
  }
  select(0);
  return h('div', {}, h('div', { class: 'tabs', role: 'tablist', 'aria-label': 'Examples' }, tabs), panel);
}

const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;

/** The scope that a caller needs, if any. */
const scope = (operation) => (operation.security || []).flatMap((requirement) => Object.values(requirement).flat())[0];

/** The URL of a server, which is relative to the document beside this page: a gateway may have put both below a prefix. */
function absolute(server) {
  const here = location.origin.startsWith('http') ? location.origin + location.pathname.replace(/\/+$/, '') : 'http://127.0.0.1:8080/docs';
  return new URL(server, here).href.replace(/\/$/, '');
}

/** A curl command that does the operation, with the examples of what it needs. */
function curl(method, path, operation, server) {
  const parameters = (operation.parameters || []).map(resolve);
  const example = (parameter) => parameter.example ?? parameter.schema.examples?.[0] ?? '';
  const target = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(example(parameters.find((parameter) => parameter.name === name))));
  const chosen = parameters.filter((parameter) => parameter.in === 'query' && (parameter.required || ['limit', 'count', 'dryRun'].includes(parameter.name)));
  const query = chosen.map((parameter) => `${parameter.name}=${encodeURIComponent(example(parameter))}`).join('&');
  const words = [`curl -i ${method === 'get' ? '' : `-X ${method.toUpperCase()} `}${quoted(`${absolute(server)}${target}${query ? `?${query}` : ''}`)}`];
  // In double quotes: the reader's shell puts the token in.
  if (scope(operation)) words.push('-H "Authorization: Bearer $token"');
  const [mediaType, content] = Object.entries(resolve(operation.requestBody).content || {})[0] || [];
  if (mediaType) {
    const [[, value]] = examplesOf(content);
    words.push(`-H ${quoted(`Content-Type: ${mediaType}`)}`, `-d ${quoted(JSON.stringify(value))}`);
  }
  return words.join(' \\\n  ');
}

// --- The page.

const servers = api.servers.map((server) => server.url);
const redraw = [];

function content(all) {
  return Object.entries(all || {}).map(([mediaType, one]) => {
    const schema = one.schema || {};
    return h('div', {},
      h('p', { class: 'type' }, h('code', {}, mediaType), ' ', type(schema)),
      schema.$ref ? null : markdown(schema.description),
      examples(examplesOf(one)));
  });
}

function response(status, reference) {
  const answer = resolve(reference);
  const headers = Object.entries(answer.headers || {}).map(([name, header]) => [name, resolve(header)]);
  return h('details', {},
    h('summary', {}, h('span', { class: `status s${status[0]}` }, status), h('span', {}, inline(answer.description || ''))),
    h('div', {},
      headers.length ? [h('h4', {}, 'Headers'), h('div', { class: 'list' }, headers.map(([name, header]) => item(name, header.schema, header.required && 'always', null, header.description)))] : null,
      answer.content ? [h('h4', {}, 'Content'), content(answer.content)] : null));
}

function operation(path, method, found) {
  const head = method === 'get' && api.paths[path].head;
  const fixed = api.paths[path].servers;
  const command = h('div', {});
  const draw = (server) => command.replaceChildren(copyable(curl(method, path, found, fixed ? fixed[0].url : server), true));
  redraw.push(draw);
  draw(servers[0]);
  const parameters = (found.parameters || []).map(resolve);
  const sent = resolve(found.requestBody);
  const media = Object.entries(sent.content || {});
  return h('section', { class: 'operation', id: found.operationId, 'aria-label': found.summary },
    h('h3', {}, h('a', { class: 'anchor', href: `#${found.operationId}` }, found.summary)),
    h('div', { class: 'call' }, h('span', { class: `method ${method}` }, method), h('span', { class: 'path' }, path), h('span', { class: 'id' }, found.operationId)),
    markdown(found.description),
    head ? h('p', { class: 'quiet' }, h('span', { class: 'method head' }, 'head'), ' answers the same without the content: ', h('code', {}, head.operationId), '.') : null,
    scope(found) ? h('p', { class: 'quiet' }, 'Needs a token with the scope ', h('code', {}, scope(found)), '.') : h('p', { class: 'quiet' }, 'For everybody.'),
    h('h4', {}, 'Try it'), command,
    parameters.length ? [h('h4', {}, 'Parameters'), h('div', { class: 'list' }, parameters.map((parameter) => item(parameter.name, parameter.schema, parameter.required && 'required', parameter.in, parameter.description)))] : null,
    media.length ? [h('h4', {}, 'Content'), markdown(sent.description), content(sent.content)] : null,
    h('h4', {}, 'Answers'), Object.entries(found.responses).map(([status, answer]) => response(status, answer)));
}

// The form with the version after the service is the same operation: once is enough for people.
const operations = Object.entries(api.paths).filter(([path]) => !path.includes('/v1')).flatMap(([path, methods]) =>
  METHODS.filter((method) => methods[method]).map((method) => ({ path, method, found: methods[method], tag: methods[method].tags[0] })));
const choice = h('select', { id: 'server', change: () => redraw.forEach((draw) => draw(choice.value)) },
  api.servers.map((server) => h('option', { value: server.url }, absolute(server.url))));

main.replaceChildren(
  h('h1', {}, api.info.title),
  h('p', { class: 'version' }, `Version ${api.info.version} · OpenAPI ${api.openapi} · `, h('a', { href: 'openapi.json' }, 'openapi.json')),
  ...markdown(api.info.description),
  h('div', { class: 'bar' }, h('label', { for: 'server' }, 'Server for the commands below'), choice),
  ...api.tags.flatMap((tag) => [
    h('h2', {}, tag.name), ...markdown(tag.description),
    ...operations.filter((one) => one.tag === tag.name).map((one) => operation(one.path, one.method, one.found)),
  ]),
  h('h2', {}, 'Schemas'),
  h('div', { class: 'schemas' }, Object.entries(api.components.schemas).map(([name, schema]) => h('section', { id: `schema-${name}`, 'aria-label': name },
    h('h3', {}, h('a', { class: 'anchor', href: `#schema-${name}` }, name)),
    markdown(schema.description), facts(schema), members(schema),
    (schema.examples || []).some((value) => typeof value === 'object') ? h('details', {}, h('summary', {}, 'Examples'), h('div', {}, examples(schema.examples.map((value, index) => [`Example ${index + 1}`, value])))) : null))),
);

const search = h('input', { type: 'search', placeholder: 'Find  ( / )', 'aria-label': 'Find an operation or a schema', input: () => narrow(search.value) });
const link = (target, ...children) => h('li', {}, h('a', { href: `#${target}` }, children));

navigation.append(
  h('p', { class: 'title' }, h('a', { href: '#content' }, api.info.title)),
  search,
  ...api.tags.map((tag) => h('div', {}, h('h2', {}, tag.name), h('ul', {},
    operations.filter((one) => one.tag === tag.name).map((one) =>
      link(one.found.operationId, h('span', { class: `method ${one.method}` }, one.method), h('span', {}, one.found.summary)))))),
  h('div', {}, h('h2', {}, 'Schemas'), h('ul', {}, Object.keys(api.components.schemas).map((name) => link(`schema-${name}`, name)))),
);

function narrow(text) {
  const words = text.toLowerCase().split(/\s+/);
  for (const group of navigation.querySelectorAll('div')) {
    let left = 0;
    for (const entry of group.querySelectorAll('li')) {
      const about = `${entry.textContent} ${entry.firstChild.hash}`.toLowerCase();
      entry.hidden = !words.every((word) => about.includes(word));
      left += !entry.hidden;
    }
    group.hidden = !left;
  }
}

addEventListener('keydown', (event) => {
  if (event.key === '/' && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    search.focus();
  }
});

// The part that is being read, marked in the contents.
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    navigation.querySelector('[aria-current]')?.removeAttribute('aria-current');
    navigation.querySelector(`a[href="#${entry.target.id}"]`)?.setAttribute('aria-current', 'true');
  }
}, { rootMargin: '-5% 0px -85% 0px' });
document.querySelectorAll('main section[id]').forEach((section) => seen.observe(section));

// What the address names was not there yet when the browser looked for it.
if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView({ behavior: 'instant' });
