// The story of a person at the page, in a real browser against the real program with simulated printers: signs in, looks, clears
// beds, minds the queue, brings files, gives out keys, loses the server and finds it again. Every wait is for something to be seen;
// nothing is known here that a person could not read on the screen. `./test` runs it:
//   GANTRY_BIN=… GANTRY_PAGE_PACKAGES=… [GANTRY_CHROMIUM=…] [GANTRY_PAGE_PICTURES=…] node tests/page/story.mjs
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { access } from './access.mjs';
import { accounts } from './accounts.mjs';
import { adding } from './adding.mjs';
import { Browser } from './browser.mjs';
import { Farm, gcode, Running } from './farm.mjs';
import { accessFaults, layoutFaults, SIZES } from './looks.mjs';
import { people } from './people.mjs';
import { store } from './store.mjs';

const binary = process.env.GANTRY_BIN ?? 'gantry';
const pictures = process.env.GANTRY_PAGE_PICTURES;
if (pictures) mkdirSync(pictures, { recursive: true });
const data = mkdtempSync(join(tmpdir(), 'gantry-page-'));
let passed = 0;
let failed = 0;
let page;

/** One chapter: what must be true, and how a person sees it. A chapter that failed does not end the story. */
async function check(sentence, deed) {
  const began = Date.now();
  let trouble = '';
  try {
    await deed();
    if (browser.troubles.length) trouble = `the browser saw: ${browser.troubles.join(' | ')}`;
  } catch (error) {
    trouble = `${error.stack ?? error}${browser.troubles.length ? `\nthe browser saw: ${browser.troubles.join(' | ')}` : ''}`;
  }
  browser.troubles = [];
  if (trouble) {
    failed += 1;
    if (pictures) await page?.screenshot({ path: join(pictures, `failed-${passed + failed}.png`) }).catch(() => {});
  } else {
    passed += 1;
  }
  console.log(`${trouble ? 'not ok' : 'ok'} ${passed + failed} - ${sentence} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  if (trouble) console.log(trouble.replace(/^/gm, '# '));
}

const button = (name, within = page) => within.getByRole('button', { name, exact: typeof name === 'string' });
/** A printer on the wall; `word` = only while it shows that state. */
const tile = (name, word) => page.locator('.tile').filter({ has: page.getByRole('heading', { name: word ? `${name}: ${word}` : new RegExp(`^${name}:`) }) });
const shown = (name, word, timeout) => tile(name, word).waitFor({ timeout });
const sheet = (name) => page.getByRole('dialog', { name, exact: true });
const row = (name) => page.locator('.row').filter({ has: page.locator('.row-main > b').getByText(name, { exact: true }) });
const banner = (text) => page.locator('.banners .banner').filter({ hasText: text });
const notice = (text) => page.locator('.notice').filter({ hasText: text });
const goto = (path) => page.goto(farm.url + path);
const gone = (locator) => locator.waitFor({ state: 'detached' });
const until = (predicate, argument) => page.waitForFunction(predicate, argument);
/** The names on the wall with their states, as they stand there. */
const order = () => page.locator('.tile h2 a').evaluateAll((links) => links.map((link) => link.getAttribute('aria-label')));

const browser = await Browser.launch();
let farm;
try {
  farm = await Farm.start({ binary, data });
  browser.origin = farm.url;
  await story();
  await throughRelay();
  await accounts({ binary, data: join(data, 'accounts'), browser, pictures, check, look: (seen) => { page = seen; } });
  await adding({ binary, data: join(data, 'adding'), browser, pictures, check, look: (seen) => { page = seen; } });
  await access({ binary, data: join(data, 'access'), browser, pictures, check, look: (seen) => { page = seen; } });
  await store({ binary, data: join(data, 'store'), browser, pictures, check, look: (seen) => { page = seen; } });
} catch (error) {
  failed += 1;
  console.log(`not ok - the story could be told\n# ${error.stack ?? error}`);
} finally {
  await browser.chrome.close();
  await farm?.kill();
  rmSync(data, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

async function story() {
  page = await browser.person();
  await check('the link of the start signs in and leaves no token in the address, and the page comes with its security policy', async () => {
    const answer = await page.goto(farm.link);
    await page.locator('.tile').first().waitFor();
    assert.equal(page.url(), `${farm.url}/`);
    const { 'content-security-policy': policy = '', 'x-content-type-options': sniff } = answer.headers();
    for (const part of ["default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) assert(policy.includes(part), `policy: ${policy}`);
    assert.equal(sniff, 'nosniff');
  });

  await check('the wall shows six printers that print, and their progress moves', async () => {
    for (const name of ['P01', 'P02', 'P03', 'P04', 'P05', 'P06']) await shown(name, 'Printing');
    const share = () => [...document.querySelectorAll('.tile progress')].map((bar) => bar.value);
    const before = await page.evaluate(share);
    assert.equal(before.length, 6);
    await until((before) => [...document.querySelectorAll('.tile progress')].every((bar, index) => bar.value > (before[index] ?? 0)), [0, 0, 0, 0, 0, 0]);
    await until((sum) => [...document.querySelectorAll('.tile progress')].reduce((all, bar) => all + bar.value, 0) > sum, before.reduce((a, b) => a + b, 0));
  });

  let address = '';
  await check('a printer opens from the wall, and closes by Escape and by the way back', async () => {
    await tile('P01').getByRole('link').click();
    await sheet('P01').waitFor();
    address = new URL(page.url()).pathname;
    assert.match(address, /^\/p\/prn_/);
    await page.keyboard.press('Escape');
    await gone(sheet('P01'));
    await page.goForward();
    await sheet('P01').waitFor();
    await page.goBack();
    await gone(sheet('P01'));
  });

  await check('the address of a printer, which a label on it holds, opens it', async () => {
    await goto(address);
    await sheet('P01').getByText('Printing', { exact: true }).waitFor();
    await goto('/p/P01');
    await sheet('P01').waitFor();
  });

  await check('a print is paused and goes on', async () => {
    await button('Pause', sheet('P01')).click();
    await shown('P01', 'Paused');
    await button('Resume', sheet('P01')).click();
    await shown('P01', 'Printing');
  });

  await check('stopping a print asks once, with the name of the printer', async () => {
    await button('Stop print', sheet('P01')).click();
    await button('Stop P01', sheet('P01')).click();
    await shown('P01', 'Clear bed');
  });

  await check('a printer whose print ended says loudly that it wants a person, and stands first', async () => {
    await goto('/');
    for (const name of ['P03', 'P06']) await shown(name, 'Clear bed', 40_000);
    await until(() => {
      const states = [...document.querySelectorAll('.tile')].map((one) => one.dataset.state);
      return states.lastIndexOf('needs_clear') < (states.includes('printing') ? states.indexOf('printing') : states.length);
    });
    assert.match((await order())[0], /Clear bed$/);
    await until(() => /^\(\d+\) /.test(document.title));
    await page.locator('.chip').filter({ hasText: 'Needs you' }).waitFor();
    const [loud, calm] = await Promise.all(['P03', 'P02'].map((name) => tile(name).evaluate((one) => getComputedStyle(one).backgroundColor)));
    assert.notEqual(loud, calm);
  });

  await check('a cleared bed can be taken back for a while', async () => {
    await button('Bed cleared', tile('P03')).click();
    await button('Undo', notice('P03: bed cleared')).click();
    await shown('P03', 'Clear bed');
    await gone(notice('P03: bed cleared'));
  });

  await check('a cleared bed takes the next job, but not before the time to take it back is over', async () => {
    const cleared = Date.now();
    await button('Bed cleared', tile('P03')).click();
    await shown('P03', 'Ready');
    await tile('P03').filter({ hasText: /Preparing|Printing/ }).waitFor();
    const waited = Date.now() - cleared;
    assert(waited > 9000, `started after ${waited} ms`);
    await gone(notice('P03: bed cleared'));
  });

  await check('cleared and start next says what it starts and waits for nothing', async () => {
    await goto('/p/P01');
    const start = button(/^Cleared and start next/, sheet('P01'));
    await start.getByText(/^Bracket/).waitFor();
    const cleared = Date.now();
    await start.click();
    await tile('P01').filter({ hasText: /Preparing|Printing/ }).waitFor();
    const waited = Date.now() - cleared;
    assert(waited < 9000, `started after ${waited} ms`);
  });

  await check('a printer is taken out of service with a word for the next person, and comes back', async () => {
    await goto('/p/P06');
    await button('Out of service', sheet('P06')).click();
    await sheet('P06').getByLabel('Why? (P06)').fill('fan rattles');
    await button('Out of service', sheet('P06')).click();
    await tile('P06', 'Out of service').getByText('fan rattles').waitFor();
    await button('Back into service', sheet('P06')).click();
    await shown('P06', 'Clear bed');
  });

  await check('a file comes by the file dialog', async () => {
    await goto('/files');
    await page.getByText('vase.gcode').waitFor();
    const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button('Upload').click()]);
    await chooser.setFiles({ name: 'coin.gcode', mimeType: 'text/x.gcode', buffer: Buffer.from(gcode('MK4S', 60)) });
    await page.locator('.card').getByText('coin.gcode').waitFor();
  });

  await check('a file comes by a drop anywhere', async () => {
    await drop(page.locator('main'), 'ring.gcode', gcode('MINI', 60));
    await page.locator('.card').getByText('ring.gcode').waitFor();
    await page.locator('.card').filter({ hasText: 'ring.gcode' }).getByText('MINI').waitFor();
  });

  await check('two copies of a file go into the queue', async () => {
    await button('Print', page.locator('.card').filter({ hasText: 'coin.gcode' })).click();
    await sheet('Print a file').getByLabel('Copies').fill('2');
    await button('Into the queue', sheet('Print a file')).click();
    await page.waitForURL('**/queue');
    await row('coin.gcode').nth(1).waitFor();
  });

  await check('a file dropped on a printer is a job for it', async () => {
    await goto('/');
    await shown('P06', 'Clear bed');
    await drop(tile('P06'), 'clip.gcode', gcode('MINI', 60));
    await notice('clip.gcode waits for P06').waitFor();
    await goto('/queue');
    await row('clip.gcode').getByText('P06').waitFor();
  });

  await check('a job says why it waits, and per printer what to do', async () => {
    const waits = row('clip.gcode');
    await waits.locator('.why').click();
    const line = waits.locator('.why-table tr').filter({ has: page.getByRole('link', { name: 'P06' }) });
    await line.getByText('Something may lie on the printer’s bed.'.replace('’', "'")).waitFor();
    await line.getByText('Clear the bed and say so.').waitFor();
    await waits.locator('.why').click();
    await gone(waits.locator('.why-table'));
  });

  await check('a job is held and released', async () => {
    await button('Hold', row('clip.gcode')).click();
    await button('Release', row('clip.gcode')).click();
    await button('Hold', row('clip.gcode')).waitFor();
  });

  await check('a job moves up by the keyboard and stays there', async () => {
    const names = () => page.locator('.queue .row-main > b').allTextContents();
    const before = await names();
    const at = before.lastIndexOf('clip.gcode');
    assert(at > 0, before.join());
    await row('clip.gcode').locator('.why').focus();
    const [answer] = await Promise.all([page.waitForResponse((one) => one.url().endsWith('/move')), page.keyboard.press('Alt+ArrowUp')]);
    assert.equal(answer.status(), 200);
    await page.reload();
    await row('clip.gcode').waitFor();
    assert.equal((await names()).indexOf('clip.gcode'), at - 1);
  });

  await check('several jobs are held and released at once', async () => {
    for (const nth of [0, 1]) await row('coin.gcode').nth(nth).getByRole('checkbox').check();
    const bulk = page.getByRole('toolbar', { name: '2 selected' });
    await button('Hold', bulk).click();
    await notice('2 of 2 done').waitFor();
    for (const nth of [0, 1]) await button('Release', row('coin.gcode').nth(nth)).waitFor();
    for (const nth of [0, 1]) await row('coin.gcode').nth(nth).getByRole('checkbox').check();
    await button('Release', bulk).click();
    for (const nth of [0, 1]) await button('Hold', row('coin.gcode').nth(nth)).waitFor();
  });

  await check('what was printed is listed, and can be printed again', async () => {
    await page.getByRole('link', { name: 'Done' }).click();
    await button('Again', row('Vase 1')).click();
    await notice('Vase 1 is in the queue again').waitFor();
    await page.getByRole('link', { name: /^Waiting/ }).click();
    await row('Vase 1').waitFor();
  });

  await check('the keys of the store are made at its relay, and the farm’s page says where that is', async () => {
    await goto('/keys');
    await page.getByRole('link', { name: new URL(farm.relayLink).origin }).waitFor();
    assert.equal(await button('New key').count(), 1, 'the slicers’ keys are the farm’s own');
  });

  await check('the farm drains and runs again', async () => {
    await goto('/');
    await shown('P01');
    await menu();
    await button('Drain').click();
    await banner('Draining').waitFor();
    await button('Run').click();
    await gone(banner('Draining'));
  });

  await check('one tap and a yes stop everything that prints', async () => {
    await goto('/p/P06');
    await button(/^Cleared and start next/, sheet('P06')).click();
    await shown('P06', 'Printing');
    await page.keyboard.press('Escape');
    await button('Stop all').click();
    await button('Stop all prints').click();
    await notice(/prints asked to stop/).waitFor();
    await shown('P06', 'Clear bed');
    await until(() => document.querySelectorAll('.tile[data-state="printing"]').length === 0);
    await banner('Stopped: nothing is started.').waitFor();
    await button('Start again').click();
    await gone(banner('Stopped'));
  });

  await strangers();
  await people({ browser, url: farm.url, owner: page, pictures, check, look: (seen) => { page = seen; } });

  await check('without the server the page says that it is old, and mends itself when the server is back', async () => {
    await goto('/p/P01');
    await button(/^Cleared and start next/, sheet('P01')).click();
    await shown('P01', 'Printing');
    await farm.kill();
    await banner('Not connected').waitFor();
    await shown('P01', 'Printing');
    farm = await Farm.start({ binary, data, port: farm.port });
    await gone(banner('Not connected'));
    await page.locator('.connection[data-link="live"]').waitFor();
    await shown('P06', 'Clear bed');
    browser.expected(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
  });

  await check('after that, work is started as before', async () => {
    await goto('/p/P02');
    await button(/^Cleared and start next/, sheet('P02')).click();
    await shown('P02', 'Printing');
  });

  await looks();

  await check('of a print that nobody saw end, a person says what became of it', async () => {
    await goto('/p/P01');
    const question = sheet('P01').getByText(/^How did “.*” end\?$/);
    await question.waitFor({ timeout: 60_000 });
    const [, name] = /“(.*)”/.exec(await question.textContent()) ?? [];
    await button('It failed', sheet('P01')).click();
    await gone(question);
    await goto('/queue/done');
    await row(name).getByText('failed', { exact: true }).waitFor();
  });

  await check('whoever was signed in stays so over a restart, until signing out', async () => {
    await goto('/');
    await shown('P06');
    await menu();
    await button('Sign out').click();
    await page.getByRole('heading', { name: 'Sign in to the farm' }).waitFor();
    assert(browser.expected(/^401 GET \/v1\/me$/));
  });
}

/** Waits until a key is answered with that status at both doors: the line to the farm takes a moment. */
async function opens(key, status) {
  for (const url of [browser.origin, farm.url]) {
    const deadline = Date.now() + 20_000;
    let seen;
    do seen = (await fetch(`${url}/v1/printers`, { headers: { Authorization: `Bearer ${key}` } })).status;
    while (seen !== status && Date.now() < deadline);
    assert.equal(seen, status, url);
  }
}

/** The same farm through its relay. */
async function throughRelay() {
  await page.context().close();
  page = await browser.person();
  browser.origin = new URL(farm.relayLink).origin;
  await check('through the relay the same wall is seen, live: a file is sent to a printer, its bed is cleared, and it prints', async () => {
    await page.goto(farm.relayLink);
    await shown('P06');
    assert.equal(await page.locator('.tile').count(), 6);
    await page.locator('.connection[data-link="live"]').waitFor();
    await page.goto(`${browser.origin}/p/P03`);
    await shown('P03', 'Clear bed');
    await button('Bed cleared', sheet('P03')).click();
    await button('Undo').click();
    await shown('P03', 'Clear bed');
    await drop(tile('P03'), 'far.gcode', gcode('MINI', 60));
    await notice('far.gcode waits for P03').waitFor();
    await button(/^Cleared and start next/, sheet('P03')).click();
    await shown('P03', 'Printing');
    await until(() => (document.querySelector('.tile[data-state="printing"] progress')?.value ?? 0) > 0);
  });
  await check('a key of the store is shown once, works at both doors, and is dead when revoked', async () => {
    await page.goto(`${browser.origin}/keys`);
    await button('New key').first().click();
    await sheet('New API key').getByLabel('Name', { exact: true }).fill('order script');
    await button('Make the key', sheet('New API key')).click();
    await sheet('New API key').locator('.call').waitFor();
    const secret = await sheet('New API key').getByRole('textbox').first().inputValue();
    assert.match(secret, /^gty_(live|test)_/);
    await opens(secret, 200);
    await button('I have it', sheet('New API key')).click();
    await row('order script').waitFor();
    assert(!(await page.content()).includes(secret));
    await page.reload();
    await row('order script').waitFor();
    assert(!(await page.content()).includes(secret));
    await button('Revoke', row('order script')).click();
    await button('Revoke order script', row('order script')).click();
    await row('order script').getByText('revoked').waitFor();
    await opens(secret, 401);
  });
  let relay;
  await check('of a farm that is away the wall claims nothing, and offers nothing that would move a machine', async () => {
    await farm.kill();
    const { port } = new URL(browser.origin);
    relay = await Running.start(binary, ['relay', '--data', join(data, 'relay'), '--listen', `127.0.0.1:${port}`, '--mqtt-listen', '127.0.0.1:0']);
    await page.goto(`${browser.origin}/p/P03`);
    await banner('Demo farm is away since').waitFor();
    await shown('P03', 'Unknown');
    await sheet('P03').getByText('Its farm is away').waitFor();
    await until(() => [...document.querySelectorAll('.tile')].every((tile) => tile.dataset.state === 'unknown'));
    assert.equal(await button(/^(Pause|Stop print|Bed cleared|Cleared)/, sheet('P03')).count(), 0);
    if (pictures) await page.screenshot({ path: join(pictures, 'farm-away.png') });
    browser.expected(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/);
    browser.expected(/^503 GET /);
  });
  await page.context().close();
  await relay?.kill();
}

/** Who is not signed in. */
async function strangers() {
  const mine = page;
  await check('the link works once: afterwards it leads to the door', async () => {
    page = await browser.person();
    await page.goto(farm.link);
    await page.getByRole('heading', { name: 'Sign in to the farm' }).waitFor();
    await page.getByRole('alert').waitFor();
    assert(browser.expected(/^4\d\d POST \/v1\/sessions$/));
    browser.expected(/^401 GET \/v1\/me$/);
  });
  await check('nothing is answered without a cookie or a key', async () => {
    await goto('/queue');
    await page.getByRole('heading', { name: 'Sign in to the farm' }).waitFor();
    assert(browser.expected(/^401 GET \/v1\/me$/));
    for (const path of ['/v1/printers', '/v1/queue', '/v1/files', '/v1/api_keys', '/v1/stream']) assert.equal((await farm.call(path)).status, 401, path);
  });
  await page.context().close();
  page = mine;
}

/** Every screen at every size, in the light and in the dark. */
async function looks() {
  const mine = page;
  const state = await page.context().storageState();
  /** Where each screen is, and what opens it there. */
  const screens = {
    wall: ['/?view=thumb'], dense: ['/?view=dense'], list: ['/?view=list'], menu: ['/', menu], help: ['/', () => page.keyboard.press('?')],
    printer: ['/p/P01'], 'bed to clear': ['/p/P04', () => button(/^Cleared and start/).waitFor()], settings: ['/p/P01/settings'], add: ['/add'],
    queue: ['/queue'], why: ['/queue', () => page.locator('.why').first().click()], running: ['/queue/running'], done: ['/queue/done'],
    store: ['/store', () => page.getByText('The line stands').waitFor()], files: ['/files'], print: ['/files', () => button('Print').first().click()], keys: ['/keys'], 'new key': ['/keys', () => button('New key').first().click()], 'audit of a farm': ['/audit', () => page.locator('.audit-row').first().waitFor()],
  };
  for (const [size, { width, height, touch }] of Object.entries(SIZES)) {
    const dark = size === 'wall';
    page = await browser.person({ width, height, dark, touch, state });
    for (const [screen, [path, open]] of Object.entries(screens)) {
      await check(`the screen “${screen}” holds on a ${size} of ${width} × ${height}`, async () => {
        await goto(path);
        await page.locator('.tile, .row, .card, .empty').first().waitFor();
        await open?.();
        if (/^.(p|add)\b/.test(path)) await page.getByRole('dialog').waitFor();
        for (const theme of ['light', 'dark']) {
          await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
          if (pictures) await page.screenshot({ path: join(pictures, `${screen.replaceAll(' ', '-')}-${size}-${theme}.png`) });
          // The sizes differ little in names and colours, and looking costs the most time of all.
          if (size === 'phone' || (size === 'wall' && theme === 'dark')) assert.deepEqual(await accessFaults(page), [], theme);
        }
        assert.deepEqual(await layoutFaults(page), []);
      });
    }
    await page.context().close();
  }
  page = mine;
}

/** On narrower screens the tools of the farm stand behind a button. */
async function menu() {
  const more = button('Menu');
  if (await more.isVisible() && !await button('Sign out').isVisible()) await more.click();
}

/** Lets a file fall where a hand would. */
async function drop(target, name, content) {
  const files = await page.evaluateHandle(([name, content]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([content], name));
    return carried;
  }, [name, content]);
  for (const type of ['dragenter', 'dragover', 'drop']) await target.dispatchEvent(type, { dataTransfer: files });
}
