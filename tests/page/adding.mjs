// The story of printers that come to a farm: found at an address, like another one, and out of a table with mistakes in it. The
// machine that is found is a server of this story, at an address of its own.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { Running } from './farm.mjs';
import { accessFaults, layoutFaults, SIZES } from './looks.mjs';

const PLACE = '127.0.0.77';
const HEAD = 'name,driver,address,model,tags\n';

/** @param {{binary: string, data: string, browser: import('./browser.mjs').Browser, pictures?: string, check: Function, look: (page: any) => void}} told */
export async function adding({ binary, data, browser, pictures, check, look }) {
  const machine = createServer((asked, answer) => {
    const told = asked.url === '/server/info' ? { result: { klippy_state: 'startup', moonraker_version: 'v0.11.0' } } : null;
    answer.writeHead(told ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(told ?? {}));
  });
  await new Promise((done) => machine.listen(7125, PLACE, done));
  const agent = await Running.start(binary, ['agent', '--data', data, '--listen', '127.0.0.1:0']);
  const url = agent.first.agent_url;
  const page = await browser.person({ home: url });
  look(page);
  const dialog = page.getByRole('dialog', { name: 'Add printer', exact: true });
  const field = (name) => dialog.getByLabel(name, { exact: true });
  const button = (name) => dialog.getByRole('button', { name, exact: true });
  const names = () => page.evaluate(async () => (await (await fetch('/v1/printers')).json()).items.map((one) => one.name).sort());
  const table = (csv) => dialog.locator('input[type=file]').setInputFiles({ name: 'printers.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });

  await check('a printer that nobody announces is found at a named address, and fills the form when it is picked', async () => {
    await page.goto(agent.first.sign_in_url);
    // Who leaves before the link has let them in has used it for nothing.
    await page.getByRole('link', { name: 'Store' }).waitFor();
    await page.goto(`${url}/add`);
    await dialog.waitFor();
    await page.getByLabel('also at, such as 192.168.1.0/24').fill(PLACE);
    await button('Find printers').click();
    await dialog.getByText(`http://${PLACE}:7125`).click();
    assert.equal(await field('Address').inputValue(), `http://${PLACE}:7125`);
    await field('Name').fill('Voron');
    await button('Test connection').click();
    await dialog.locator('.banner').getByText('its printer is not connected').waitFor();
    assert(browser.expected(/422 POST \/v1\/printers\/test-connection/));
    await field('Model').fill('Voron 2.4');
    await field('Tags').fill('rack-a');
    await button('Add printer').click();
    await page.getByRole('dialog', { name: 'Voron', exact: true }).waitFor();
  });

  await check('what is added already says so and cannot be added twice', async () => {
    await page.goto(`${url}/add`);
    await page.getByLabel('also at, such as 192.168.1.0/24').fill(PLACE);
    await button('Find printers').click();
    await dialog.locator('.found button:disabled').getByText('added already').waitFor();
  });

  await check('the screen has no fault of layout or access at any size', async () => {
    for (const [size, { width, height }] of Object.entries(SIZES)) {
      await page.setViewportSize({ width, height });
      for (const theme of ['light', 'dark']) {
        await page.evaluate((theme) => { document.documentElement.dataset.theme = theme; }, theme);
        if (pictures) await page.screenshot({ path: join(pictures, `adding-${size}-${theme}.png`) });
        assert.deepEqual(await accessFaults(page), [], theme);
      }
      assert.deepEqual(await layoutFaults(page), [], size);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await check('a new printer takes the settings of another', async () => {
    await field('Settings like').selectOption('Voron');
    assert.deepEqual([await field('Model').inputValue(), await field('Tags').inputValue()], ['Voron 2.4', 'rack-a']);
    assert.equal(await field('Address').inputValue(), '', 'where it is only that one knows');
  });

  await check('a table with mistakes shows each with its line and adds nothing', async () => {
    await dialog.getByText('Many at once, from a table').click();
    await table(`${HEAD}A,nonsense,http://127.0.0.78,,\n,moonraker,http://127.0.0.79,,Rack\n`);
    await dialog.getByRole('alert').getByText(/^line 3, name: it is missing/).waitFor();
    await dialog.getByRole('alert').getByText(/^line 3, tags: a tag must be/).waitFor();
    assert(browser.expected(/422 POST \/v1\/printers\/import/));
    assert.deepEqual(await names(), ['Voron']);
  });

  await check('the mended table adds all its printers', async () => {
    await table(`${HEAD}A,moonraker,http://127.0.0.78,,\nB,moonraker,http://127.0.0.79,,rack-b\n`);
    await button('Add 2 printers').click();
    await page.locator('.tile').nth(2).waitFor();
    assert.deepEqual(await names(), ['A', 'B', 'Voron']);
  });

  await page.context().close();
  await agent.kill();
  machine.close();
}
