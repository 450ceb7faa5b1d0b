// A browser for one test. Each line on stdin is a JSON string: the body of an async function of `page`, `context`,
// `axe` and `origins`. Each line on stdout is its result, and everything that no page of the service may do.
//
//   node driver.mjs URL '{"locale":"en-US"}'
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [url, options] = process.argv.slice(2);
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const timeout = 30_000;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', baseURL: url, ...JSON.parse(options) });
context.setDefaultTimeout(timeout);
// The origins that pages may send requests to.
const origins = new Set([new URL(url).origin]);
const problems = [];

await context.addInitScript(() => {
  addEventListener('securitypolicyviolation', (event) => {
    console.error(`policy: ${event.effectiveDirective} forbids ${event.blockedURI} ${event.sample}`);
  });
});
context.on('request', (request) => {
  const { protocol, origin } = new URL(request.url());
  if (/^(http|ws)s?:$/.test(protocol) && !origins.has(origin)) problems.push(`request elsewhere: ${request.url()}`);
});
context.on('response', (response) => {
  const isOwnFile = response.url().includes('/ui/') || response.request().isNavigationRequest();
  if (isOwnFile && response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
});
context.on('console', (message) => {
  // The browser's own line for each refused request, which tests cause on purpose.
  const isOfRequest = message.text().startsWith('Failed to load resource');
  if (['error', 'warning'].includes(message.type()) && !isOfRequest) problems.push(`console: ${message.text()}`);
});
context.on('weberror', (error) => problems.push(`error: ${error.error()}`));

/** The violations of accessibility on a page, each with its rule and elements. */
async function axe(page) {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run({ resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
}

const page = await context.newPage();
await page.goto(url);

const AsyncFunction = (async () => {}).constructor;
for await (const line of createInterface({ input: process.stdin })) {
  const answer = {};
  try {
    const run = new AsyncFunction('page', 'context', 'axe', 'origins', JSON.parse(line));
    answer.result = (await run(page, context, axe, origins)) ?? null;
  } catch (error) {
    answer.error = error.stack;
    // For whoever looks at a failed test.
    if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT }).catch(() => {});
    answer.text = await page.locator('body').innerText().catch(String);
  }
  console.log(JSON.stringify({ ...answer, problems }));
}
await browser.close();
