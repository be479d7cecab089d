// The story of a farm that comes to a store and leaves it, told at both pages: the agent's and the relay's, two processes that are
// killed as power cuts do. Also what the relay's page shows while the farm is away.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ask, gcode, Running } from './farm.mjs';
import { accessFaults, layoutFaults, SIZES } from './looks.mjs';

/** @param {{binary: string, data: string, browser: import('./browser.mjs').Browser, pictures?: string, check: Function, look: (page: any) => void}} told */
export async function store({ binary, data, browser, pictures, check, look }) {
  const places = { relay: ['relay', '--data', join(data, 'relay')], agent: ['agent', '--data', join(data, 'agent')] };
  const start = (name, port = 0, ...more) => Running.start(binary, [...places[name], '--listen', `127.0.0.1:${port}`, ...more]);
  let relay = await start('relay', 0, '--mqtt-listen', '127.0.0.1:0');
  let agent = await start('agent');
  const relayUrl = relay.first.relay_url;
  const [relayPort, agentPort] = [relayUrl, agent.first.agent_url].map((url) => Number(new URL(url).port));
  const { sign_in_url: link } = await ask(binary, [...places.relay, 'store', 'create', 'Anna & Sons']);
  const ownerLink = `${relayUrl}/#${new URL(link).hash.slice(1)}`;

  // Two people at two screens, in browsers of their own. Either page may call its own server only.
  const homes = { agent: agent.first.agent_url, relay: relayUrl };
  const at = { agent: await browser.person({ home: homes.agent }), relay: await browser.person({ home: homes.relay }) };
  let page = at.agent;
  let home = homes.agent;
  /** @param {'agent' | 'relay'} who */
  const turn = (who) => {
    page = at[who];
    home = homes[who];
    look(page);
  };
  const goto = (path) => page.goto(home + path);
  /** Nobody looks at a page whose server is about to be killed. @param {'agent' | 'relay'} who */
  const close = (who) => at[who].goto('about:blank');
  const button = (name, within = page) => within.getByRole('button', { name, exact: typeof name === 'string' });
  const heading = (name) => page.getByRole('heading', { name }).waitFor();
  const row = (name) => page.locator('.row').filter({ has: page.locator('.row-main > b').getByText(name, { exact: true }) });
  const banner = (text) => page.locator('.banners .banner').filter({ hasText: text });
  const notice = (text) => page.locator('.notice').filter({ hasText: text });
  const gone = (locator) => locator.waitFor({ state: 'detached' });
  const words = async () => (await page.locator('.four-words li').allTextContents()).join('-');
  /** The same screen at every size, in the light and in the dark. */
  const screens = (name, path, open) => check(`the screen “${name}” holds at every size`, async () => {
    const [mine, state] = [page, await page.context().storageState()];
    for (const [size, { width, height, touch }] of Object.entries(SIZES)) {
      page = await browser.person({ width, height, touch, state, home });
      look(page);
      await goto(path);
      await open();
      for (const theme of ['light', 'dark']) {
        await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
        if (pictures) await page.screenshot({ path: join(pictures, `${name.replaceAll(' ', '-')}-${size}-${theme}.png`), fullPage: true });
        if (size === 'phone') assert.deepEqual(await accessFaults(page), [], theme);
      }
      assert.deepEqual(await layoutFaults(page), [], size);
      await page.context().close();
    }
    page = mine;
    look(page);
  });

  try {
    await unclaimed();
    await claimed();
    await away();
    await parted();
  } finally {
    await Promise.all([relay.kill(), agent.kill()]);
  }

  async function unclaimed() {
    turn('agent');
    await check('a farm that belongs to nobody says so, and asks for the address of a relay', async () => {
      await page.goto(agent.first.sign_in_url);
      await page.getByRole('link', { name: 'Store' }).click();
      await heading('This farm belongs to no store');
    });
    await screens('unclaimed', '/store', () => heading('This farm belongs to no store'));
    await check('where no relay is, the form says so', async () => {
      await page.getByLabel('Address of the relay').fill('http://127.0.0.1:9');
      await button('Show a code').click();
      await notice('http://127.0.0.1:9').waitFor();
      assert(browser.expected(/^422 POST \/v1\/claim$/));
    });
    await check('a code is shown with its QR, four words and the time that is left, and is taken back', async () => {
      await page.getByLabel('Address of the relay').fill(relayUrl);
      await button('Show a code').click();
      await page.getByRole('img', { name: /QR/ }).waitFor();
      assert.match((await page.locator('.claim-code').textContent()).trim(), /^[A-Z2-9]{8}$/);
      assert.match(await words(), /^[a-z]{5}(-[a-z]{5}){3}$/);
      assert.match(await page.getByRole('timer').textContent(), /(10|9) min/);
      const drawn = await page.getByRole('img', { name: /QR/ }).evaluate((picture) => picture.complete && picture.naturalWidth);
      assert(drawn > 0);
      await button('Take the code back').click();
      await heading('This farm belongs to no store');
    });
    await check('a second code waits', async () => {
      await page.getByLabel('Address of the relay').fill(relayUrl);
      await button('Show a code').click();
      await page.locator('.claim-code').waitFor();
    });
    await screens('waiting', '/store', () => page.getByRole('img', { name: /QR/ }).waitFor());
  }

  async function claimed() {
    turn('agent');
    const [code, shown] = [(await page.locator('.claim-code').textContent()).trim(), await words()];
    const qr = await page.locator('.steps a').getAttribute('href');
    turn('relay');
    await check('the owner signs in at the relay by the link of the store, and the empty wall says how a farm comes', async () => {
      await page.goto(ownerLink);
      await heading('No farm yet');
      await button('Claim a farm').click();
      await page.getByLabel('Code').waitFor();
    });
    await screens('claim form', '/claim', () => page.getByLabel('Code').waitFor());
    await check('under a code that nobody shows there is no farm', async () => {
      await page.getByLabel('Code').fill('aaaa 2222');
      await button('Look who asks').click();
      await page.locator('.notice[data-tone="bad"]').waitFor();
      assert(browser.expected(/^404 GET \/v1\/pairings\/AAAA2222$/));
    });
    await check('the address in the QR leads to the farm that asks, with the same four words', async () => {
      assert.equal(qr, `${relayUrl}/claim?code=${code}`);
      await page.goto(qr);
      await heading('Does Farm belong to you?');
      assert.equal(await words(), shown);
      await button('No').click();
      await heading('No farm yet');
    });
    await screens('compare', `/claim?code=${code}`, () => heading('Does Farm belong to you?'));
    await check('with a yes the farm is the store’s, and stands in its list within seconds', async () => {
      await goto('/claim');
      await page.getByLabel('Code').fill(`${code.slice(0, 4)} ${code.slice(4)}`.toLowerCase());
      await button('Look who asks').click();
      await button('Yes, claim Farm').click();
      await row('Farm').getByText('connected').waitFor();
    });
    await screens('farms', '/store', () => row('Farm').waitFor());
    turn('agent');
    await check('the farm’s own page says whose it is by now, and that the line stands', async () => {
      await heading('This farm belongs to Anna & Sons');
      await page.getByText('The line stands').waitFor();
      await page.getByRole('link', { name: relayUrl }).waitFor();
    });
    await screens('claimed', '/store', () => page.getByText('The line stands').waitFor());
    await check('the farm’s page tells when its line is broken, and when it stands again', async () => {
      await goto('/store');
      await page.getByText('The line stands').waitFor();
      await close('relay');
      await relay.kill();
      await page.getByText('The line is broken').waitFor();
      relay = await start('relay', relayPort, '--mqtt-listen', '127.0.0.1:0');
      await page.getByText('The line stands').waitFor({ timeout: 60_000 });
    });
    turn('relay');
    await check('a file that comes to the relay’s page is queued at the farm', async () => {
      await goto('/files');
      const [chooser] = await Promise.all([page.waitForEvent('filechooser'), button('Upload').click()]);
      await chooser.setFiles({ name: 'coin.gcode', mimeType: 'text/x.gcode', buffer: Buffer.from(gcode('MK4S', 60)) });
      await button('Print', page.locator('.card').filter({ hasText: 'coin.gcode' })).click();
      await button('Into the queue').click();
      await row('coin.gcode').locator('.why').waitFor();
    });
  }

  async function away() {
    turn('relay');
    await check('while the farm is away the relay’s page says since when, and shows the queue as it was', async () => {
      await close('agent');
      await agent.kill();
      await banner(/^Farm is away since/).waitFor();
      await row('coin.gcode').waitFor();
      await page.reload();
      await banner(/What you see is as of/).waitFor();
      await row('coin.gcode').waitFor();
      browser.expected(/^503 GET \/v1\/(queue|files\/\w+\/thumbnail)$/);
    });
    await check('what may wait is taken in and marked, and is taken back', async () => {
      await goto('/files');
      await button('Print', page.locator('.card').filter({ hasText: 'coin.gcode' })).click();
      await page.getByLabel('Copies').fill('2');
      await button('Into the queue').click();
      await notice('It waits for the farm').waitFor();
      await page.getByText('waits for the farm', { exact: true }).nth(1).waitFor();
      await button('Take back').first().click();
      await gone(page.getByText('waits for the farm', { exact: true }).nth(1));
      browser.expected(/^503 GET \/v1\/files\/\w+\/thumbnail$/);
    });
    await screens('away', '/queue', () => page.getByText('waits for the farm', { exact: true }).first().waitFor());
    await screens('farms away', '/store', () => row('Farm').waitFor());
    await check('what moves machines is refused at once in plain words', async () => {
      await goto('/');
      await banner(/^Farm is away/).waitFor();
      const more = button('Menu');
      if (await more.isVisible()) await more.click();
      await button('Drain').click();
      await notice('Nothing was done, and nothing will be done later.').waitFor();
      assert(browser.expected(/^503 POST \/v1\/farms\/\w+\/dispatch$/));
    });
    await check('when the farm is back the banner goes, and what waited is done', async () => {
      await goto('/queue');
      agent = await start('agent', agentPort);
      await gone(banner('is away'));
      await row('coin.gcode').nth(1).locator('.why').waitFor({ timeout: 60_000 });
      await gone(page.getByText('waits for the farm', { exact: true }));
    });
  }

  async function parted() {
    turn('relay');
    await check('before a farm leaves, the page says what stays with whom and what ends', async () => {
      await goto('/store');
      await button('Let it leave', row('Farm')).click();
      const sheet = page.getByRole('dialog', { name: 'Farm leaves its store' });
      for (const said of ['The farm keeps its printers', 'The store keeps the jobs', 'What waits in the queue is cancelled']) await sheet.getByText(said).waitFor();
      await button('Back', sheet).click();
      await gone(sheet);
      await row('Farm').waitFor();
    });
    await screens('leaving', '/store', () => button('Let it leave').click());
    await check('a farm leaves: the store has it no more, and the farm’s page says that it is free', async () => {
      await button('Let it leave', row('Farm')).click();
      await button('Let Farm leave').click();
      await gone(row('Farm'));
      turn('agent');
      await page.goto(agent.first.sign_in_url);
      await page.getByRole('link', { name: 'Store' }).waitFor();
      await goto('/store');
      await heading('This farm belongs to no store');
      await page.context().close();
    });
    await at.relay.context().close();
  }
}
