// The API as people read it at /docs, in a real browser at both doors: an agent and a relay as their owners start them. Every
// operation that the door's own document has must be shown with what it needs, on a desk and on a phone, and nothing may be asked
// of any other place. `./test` runs it, as the story of the page:
//   GANTRY_BIN=… GANTRY_PAGE_PACKAGES=… [GANTRY_CHROMIUM=…] [GANTRY_PAGE_PICTURES=…] node tests/page/docs.mjs
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser } from './browser.mjs';

const binary = process.env.GANTRY_BIN ?? 'gantry';
const pictures = process.env.GANTRY_PAGE_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
const data = mkdtempSync(join(tmpdir(), 'gantry-docs-'));
const children = [];
let passed = 0;
let failed = 0;

/** A door as a child of ours; its first line says where it is. */
async function start(args) {
  const child = spawn(binary, [...args, '--json', '--listen', '127.0.0.1:0', '--data', join(data, args[0])], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, GANTRY_LOG: 'warn' } });
  children.push(child);
  const patience = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const first = await new Promise((done, fail) => {
    let said = '';
    child.once('exit', () => fail(new Error(`gantry ${args[0]} ended: ${said}`)));
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said += text;
      if (said.includes('\n')) done(JSON.parse(said.split('\n')[0]));
    });
  });
  clearTimeout(patience);
  return first.relay_url ?? first.agent_url;
}

async function check(sentence, deed) {
  let trouble = '';
  try {
    await deed();
    if (browser.troubles.length) trouble = `the browser saw: ${browser.troubles.join(' | ')}`;
  } catch (error) {
    trouble = `${error.stack ?? error}\nthe browser saw: ${browser.troubles.join(' | ')}`;
  }
  browser.troubles = [];
  if (trouble) failed += 1;
  else passed += 1;
  console.log(`${trouble ? 'not ok' : 'ok'} ${passed + failed} - ${sentence}`);
  if (trouble) console.log(trouble.replace(/^/gm, '# '));
}

/** What a person must be able to read of an operation: its name, and what it needs. */
function needs(operation) {
  const access = operation['x-permission'];
  const words = access === 'public' ? ['Anybody may call it.'] : access === 'authenticated' ? ['Any signed-in caller may call it'] : typeof access === 'string' ? ['Permission:', access] : ['Permission:', access.own, access.all];
  return [operation.summary, ...words];
}

/** `of`: of every operation, or of one of each noun, where the rest can only look the same. */
async function shows(url, door, size, screen, of) {
  const spec = await (await fetch(`${url}/openapi.json`)).json();
  const all = Object.entries(spec.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ noun: operation.tags[0], id: `tag/${operation.tags[0].replaceAll('_', '-')}/${method.toUpperCase()}${path}`, words: needs(operation) })));
  assert(all.length > 100, `only ${all.length} operations`);
  const nouns = new Set();
  const operations = all.filter(({ noun }) => of === 'every' || (!nouns.has(noun) && nouns.add(noun)));
  const page = await browser.person(screen);
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  const answer = await page.goto(`${url}/docs`);
  const { 'content-security-policy': policy = '' } = answer.headers();
  assert.match(policy, /^default-src 'self'; style-src 'self' 'unsafe-inline';/);
  assert(!/script-src|connect-src|eval|https?:/.test(policy), `only styles are let in: ${policy}`);
  assert(!(await fetch(url)).headers.get('content-security-policy').includes('unsafe'), 'nowhere but here');
  await page.getByRole('heading', { name: 'Gantry', exact: true }).waitFor();
  if (pictures) await page.screenshot({ path: join(pictures, `docs-${door}-${size}.png`) });
  const missing = [];
  for (const { id, words } of operations) {
    // As somebody who follows a link to it. What is far away is not drawn until it is near.
    const shown = await page.evaluate(async ({ id, words }) => {
      location.hash = `#${id}`;
      const reads = () => {
        const section = document.querySelector(`section[id$="/${id}"]`);
        const within = [...(section?.querySelectorAll('h1, h2, h3, h4, p, strong') ?? [])].every((one) => one.getBoundingClientRect().right <= innerWidth + 1);
        return within && words.every((word) => section?.innerText.includes(word));
      };
      for (let look = 0; look < 300 && !reads(); look += 1) await new Promise((next) => requestAnimationFrame(next));
      return reads();
    }, { id, words });
    if (!shown) missing.push(id);
    if (missing.length === 3) break;
  }
  assert.deepEqual(missing, []);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert(wide <= 0, `${wide} px wider than the window`);
  if (pictures) await page.screenshot({ path: join(pictures, `docs-${door}-${size}-operation.png`) });
  const places = new Set(asked.filter((one) => !/^(data|blob):/.test(one)).map((one) => new URL(one).origin));
  assert.deepEqual([...places], [url]);
  await page.context().close();
}

const browser = await Browser.launch();
try {
  for (const door of ['agent', 'relay']) {
    const url = await start(door === 'relay' ? ['relay', '--mqtt-listen', '127.0.0.1:0'] : ['agent']);
    browser.origin = url;
    const of = door === 'agent' ? 'every' : 'one of each noun';
    await check(`the ${door} shows ${of === 'every' ? 'every operation' : 'an operation of every noun'} with what it needs, on a desk`, () => shows(url, door, 'desk', { dark: false }, of));
    await check(`the ${door} shows an operation of every noun with what it needs, on a phone`, () => shows(url, door, 'phone', { width: 390, height: 844, touch: true }, 'one of each noun'));
  }
  await check('a call is tried from the page itself, and what the door answers is shown', async () => {
    const page = await browser.person();
    await page.goto(`${browser.origin}/docs#tag/errors/GET/v1/errors`);
    const operation = page.locator('section[id$="/tag/errors/GET/v1/errors"]');
    await operation.getByRole('button', { name: /Test Request/ }).click();
    await page.getByRole('button', { name: /^Send/ }).first().click();
    // Nobody is signed in: the door itself says so, and that it was asked is what is shown.
    await page.getByText('401').first().waitFor();
    assert(browser.expected(/^401 GET \/v1\/errors$/));
    await page.context().close();
  });
} catch (error) {
  failed += 1;
  console.log(`not ok - the story could be told\n# ${error.stack ?? error}`);
} finally {
  await browser.chrome.close();
  for (const child of children) child.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
